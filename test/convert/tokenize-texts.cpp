// tokenize-texts VOCAB.gguf: reads texts from standard input, each ended by a zero byte, and prints the token ids of each in a line.
#include <llama-cpp.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc < 2) return 1;
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  llama_model_params params = llama_model_default_params();
  params.vocab_only = true;
  const llama_model_ptr model(llama_model_load_from_file(argv[1], params));
  if (!model) return 2;
  const llama_vocab* vocab = llama_model_get_vocab(model.get());
  const std::string input((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  for (size_t begin = 0; begin < input.size();) {
    const size_t end = input.find('\0', begin);
    std::vector<llama_token> tokens(end - begin + 8);
    const int count = llama_tokenize(vocab, input.data() + begin, static_cast<int>(end - begin), tokens.data(),
                                     static_cast<int>(tokens.size()), false, true);
    if (count < 0) return 3;
    for (int i = 0; i < count; i++) std::printf(i == 0 ? "%d" : " %d", tokens[i]);
    std::printf("\n");
    begin = end + 1;
  }
}
