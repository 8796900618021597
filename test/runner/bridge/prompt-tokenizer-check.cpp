// Grows random chats turn by turn with a real vocabulary and compares every prompt with llama.cpp's own tokenizer.
// prompt-tokenizer-check VOCAB.gguf [TURNS]: prints a line of JSON.
#include "prompt-tokenizer.h"

#include <common.h>
#include <llama-cpp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

const char* const kPieces[] = {"the quick brown fox ", "  two  spaces ", "\n\n", "\t",      "12345 ", "don't ",  "こんにちは、世界。", "🙂👍🏽 ",
                               "naïve café ",          "<html>",         "{\"a\": 1}", "... ", "x",      "ÅÄÖ\r\n", "Привет ",      " "};

std::string words(std::mt19937& random, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; i++) text += kPieces[random() % std::size(kPieces)];
  return text;
}

double now() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

int main(int argc, char** argv) {
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  llama_model_params params = llama_model_default_params();
  params.vocab_only = true;
  const llama_model_ptr model(llama_model_load_from_file(argv[1], params));
  if (!model) return 2;
  const int turns = argc > 2 ? std::atoi(argv[2]) : 12;
  const llama_vocab* vocab = llama_model_get_vocab(model.get());
  std::vector<std::string> specials;
  for (llama_token token = 0; token < llama_vocab_n_tokens(vocab); token++) {
    if (llama_vocab_is_control(vocab, token)) specials.push_back(llama_vocab_get_text(vocab, token));
  }
  std::mt19937 random(7);
  llmlb::PromptTokenizer tokenizer(vocab);
  size_t prompts = 0, differences = 0, characters = 0, reused = 0;
  double wholeMs = 0, ownMs = 0;
  for (int chat = 0; chat < 6; chat++) {
    std::string text = words(random, 20);
    for (int turn = 0; turn < turns; turn++) {
      // Every few turns somebody edits what was said before.
      if (turn > 0 && random() % 5 == 0) text.resize(text.size() - random() % (text.size() / 2));
      while (!text.empty() && (text.back() & 0x80) != 0) text.pop_back();
      const auto mark = [&] { return specials.empty() ? std::string() : specials[random() % std::min<size_t>(specials.size(), 12)]; };
      text += mark() + (random() % 2 ? "\n" : "") + words(random, 30 + random() % 60) + mark() + mark();
      const double before = now();
      const auto wanted = common_tokenize(vocab, text, true, true);
      const double between = now();
      const auto given = tokenizer.tokenize(text);
      ownMs += now() - between;
      wholeMs += between - before;
      prompts++;
      differences += given != wanted;
      characters += text.size();
      reused += tokenizer.reusedCharacters();
    }
  }
  std::printf("{\"prompts\":%zu,\"differences\":%zu,\"reused\":%.3f,\"specials\":%zu,\"wholeMs\":%.2f,\"ownMs\":%.2f}\n", prompts, differences,
              static_cast<double>(reused) / static_cast<double>(characters), specials.size(), wholeMs / prompts, ownMs / prompts);
  return 0;
}
