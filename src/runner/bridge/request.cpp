#include "request.h"

#include <json-schema-to-grammar.h>

#include <algorithm>
#include <climits>

#include "conversation.h"
#include "failure.h"
#include "prompt-truncation.h"

namespace llmlb {
namespace {

common_params_sampling samplingFrom(const common_json& json, int contextTokens) {
  common_params_sampling sampling;
  sampling.temp = json.at("temperature").get<float>();
  sampling.top_k = json.at("topK").get<int>();
  sampling.top_p = json.at("topP").get<float>();
  sampling.min_p = json.at("minP").get<float>();
  sampling.typ_p = json.at("typicalP").get<float>();
  sampling.penalty_repeat = json.at("repeatPenalty").get<float>();
  sampling.penalty_freq = json.at("frequencyPenalty").get<float>();
  sampling.penalty_present = json.at("presencePenalty").get<float>();
  const int lastN = json.at("repeatLastN").get<int>();
  // Nothing lies further back than the context, and the penalties reserve memory for as far as they look.
  sampling.penalty_last_n = lastN < 0 ? contextTokens : std::min(lastN, contextTokens);
  if (json.contains("seed")) sampling.seed = json.at("seed").get<unsigned int>();
  sampling.no_perf = true;
  return sampling;
}

/** A text prompt has no template to decide where a constraint applies: it holds from the first token. */
void constrainText(const std::string& grammar, const std::string& jsonSchema, common_params_sampling& sampling) {
  if (!grammar.empty()) sampling.grammar = {COMMON_GRAMMAR_TYPE_USER, grammar};
  else if (!jsonSchema.empty()) {
    try {
      sampling.grammar = {COMMON_GRAMMAR_TYPE_OUTPUT_FORMAT, json_schema_to_grammar(common_json::parse(jsonSchema))};
    } catch (const std::exception& error) {
      throw Failure("invalid_argument", std::string("the JSON schema cannot be used: ") + error.what());
    }
  }
}

void addBiases(const common_json& biases, const llama_vocab* vocab, common_params_sampling& sampling) {
  for (const auto& pair : biases) {
    const auto token = pair.at(0).get<llama_token>();
    if (token >= llama_vocab_n_tokens(vocab)) {
      throw Failure("invalid_argument", "logit_bias names token " + std::to_string(token) + ", but the model has only " +
                                            std::to_string(llama_vocab_n_tokens(vocab)));
    }
    sampling.logit_bias.push_back({token, pair.at(1).get<float>()});
  }
}

common_sampler_ptr makeSampler(const llama_model* model, common_params_sampling& sampling,
                               const TokenList& prompt) {
  common_sampler_ptr sampler;
  try {
    sampler.reset(common_sampler_init(model, sampling));
  } catch (const std::exception& error) {
    throw Failure("invalid_argument", std::string("the sampling options cannot be used: ") + error.what());
  }
  // The penalties look back into the prompt; what lies before their reach need not be shown to them.
  const size_t reach = std::max(sampling.penalty_last_n, sampling.n_prev);
  for (size_t i = prompt.size() > reach ? prompt.size() - reach : 0; i < prompt.size(); i++) {
    if (prompt[i] >= 0) common_sampler_accept(sampler.get(), prompt[i], false);
  }
  return sampler;
}

struct Prompt {
  TokenList tokens;
  std::shared_ptr<const MediaPrompt> media;
  /** False = parts are left out. */
  bool whole = true;
};

Prompt tokenize(const PromptMaker& maker, const std::string& text, MediaFiles files) {
  if (files.empty()) return {maker.tokenizer.tokenize(text)};
  auto media = maker.projector->tokenize(text, std::move(files));
  return {media->tokens, media};
}

/** The files that these messages show, in their order: some of a chat's turns may be left out. */
MediaFiles filesOf(const common_json& messages, const MediaFiles& all) {
  MediaFiles shown;
  for (const auto& message : messages) {
    if (!message.contains("content") || !message.at("content").is_array()) continue;
    for (const auto& part : message.at("content")) {
      if (part.contains("file")) shown.push_back(all.at(part.at("file").get<size_t>()));
    }
  }
  return shown;
}

struct ChatPrompt : Prompt {
  RenderedChat chat;
};

/** `contextTokens` > 0: turns are left out until the prompt leaves room for an answer in it. */
ChatPrompt renderToFit(const PromptMaker& maker, const common_json& json, const MediaFiles& files, common_params_sampling& sampling,
                       size_t contextTokens) {
  const std::string grammar = json.value("grammar", "");
  const std::string jsonSchema = json.value("jsonSchema", "");
  const auto render = [&](const common_json& chat, common_params_sampling& into) {
    RenderedChat rendered = maker.templates.render(chat, grammar, jsonSchema, into);
    Prompt prompt = tokenize(maker, rendered.prompt, filesOf(chat.at("messages"), files));
    return ChatPrompt{std::move(prompt), std::move(rendered)};
  };
  const common_json& chat = json.at("chat");
  const common_params_sampling untouched = sampling;
  ChatPrompt whole = render(chat, sampling);
  if (contextTokens == 0 || whole.tokens.size() < contextTokens) return whole;
  common_json shorter = chat;
  shorter["messages"] = withoutOldestTurns(chat.at("messages"), contextTokens - 1, [&](const common_json& messages) {
    common_json candidate = chat;
    candidate["messages"] = messages;
    common_params_sampling unused = untouched;
    return render(candidate, unused).tokens.size();
  });
  sampling = untouched;
  ChatPrompt cut = render(shorter, sampling);
  cut.whole = false;
  return cut;
}

/** A model that cannot take a file says so before anything looks at it. */
void checkMedia(const Projector* projector, const MediaFiles& files) {
  for (const auto& file : files) {
    const bool image = file->kind == MediaKind::image;
    const bool supported = projector != nullptr && (image ? projector->sees() : projector->hears());
    if (!supported) throw Failure("invalid_argument", image ? "model does not support images" : "model does not support audio");
  }
}

void checkLength(size_t promptTokens, int contextTokens) {
  if (promptTokens == 0) throw Failure("invalid_argument", "the prompt is empty");
  if (promptTokens < static_cast<size_t>(contextTokens)) return;
  throw Failure("context_overflow", "the prompt has " + std::to_string(promptTokens) +
                                        " tokens, but the context holds " + std::to_string(contextTokens) +
                                        " and needs room for an answer; shorten the prompt or raise num_ctx");
}

/** What stands around the gap, in the order that most models were trained on and that llama-server's /infill has. */
std::vector<llama_token> infillPrompt(const llama_vocab* vocab, const std::string& prefix, const std::string& suffix) {
  const llama_token before = llama_vocab_fim_pre(vocab), after = llama_vocab_fim_suf(vocab), gap = llama_vocab_fim_mid(vocab);
  if (before == LLAMA_TOKEN_NULL || after == LLAMA_TOKEN_NULL || gap == LLAMA_TOKEN_NULL)
    throw Failure("invalid_argument", "this model cannot fill in the middle (suffix): its vocabulary has no tokens for that");
  std::vector<llama_token> prompt;
  const auto add = [&](llama_token mark, const std::string& text) {
    prompt.push_back(mark);
    const auto tokens = common_tokenize(vocab, text, false, false);
    prompt.insert(prompt.end(), tokens.begin(), tokens.end());
  };
  if (llama_vocab_get_add_bos(vocab)) prompt.push_back(llama_vocab_bos(vocab));
  add(before, prefix);
  add(after, suffix);
  prompt.push_back(gap);
  return prompt;
}

/** `contextTokens` > 0: a text without media that is too long loses its middle. */
Prompt textPrompt(const PromptMaker& maker, const common_json& json, const MediaFiles& files, size_t contextTokens, int keepTokens) {
  const auto text = json.at("text").get<std::string>();
  if (json.contains("suffix")) return {infillPrompt(llama_model_get_vocab(maker.model), text, json.at("suffix").get<std::string>())};
  Prompt prompt = tokenize(maker, text, files);
  if (contextTokens == 0 || !files.empty()) return prompt;
  prompt.whole = prompt.tokens.size() < contextTokens;
  prompt.tokens = withoutMiddle(prompt.tokens.tokens(), contextTokens - 1, keepTokens);
  return prompt;
}

}  // namespace

void prepareRequest(Request& request, const RequestText& text, const PromptMaker& maker, int slotTokens) {
  const common_json json = common_json::parse(text.json);
  checkMedia(maker.projector, text.files);
  const std::string grammar = json.value("grammar", "");
  const std::string jsonSchema = json.value("jsonSchema", "");
  // common_sampler_init aborts the process on this prefix, because llguidance is not compiled in.
  if (grammar.starts_with("%llguidance")) throw Failure("invalid_argument", "llguidance grammars are not supported");

  const int asked = json.at("contextTokens").get<int>();
  const int contextTokens = asked > 0 ? std::min(asked, slotTokens) : slotTokens;
  request.contextTokens = static_cast<size_t>(contextTokens);
  // What would be forgotten could be a part of a picture.
  request.shift = json.at("shift").get<bool>() && text.files.empty();
  request.keepTokens = json.at("keepTokens").get<int>();
  const llama_vocab* vocab = llama_model_get_vocab(maker.model);
  common_params_sampling sampling = samplingFrom(json.at("sampling"), contextTokens);
  request.stops = json.at("stop").get<std::vector<std::string>>();
  request.maxTokens = json.at("maxTokens").get<int>();
  // An answer that may forget its beginning could go on for ever; Ollama ends it after ten contexts too.
  if (request.shift && request.maxTokens < 0) request.maxTokens = std::min(contextTokens, INT_MAX / 10) * 10;

  request.topLogprobs = json.at("topLogprobs").get<int>();
  // Nobody could hand back what stands for a picture.
  request.tellTokens = json.at("tellTokens").get<bool>() && text.files.empty();
  addBiases(json.at("logitBias"), vocab, sampling);

  const bool truncate = json.at("truncatePrompt").get<bool>();
  if (json.contains("chat")) {
    ChatPrompt prompt = renderToFit(maker, json, text.files, sampling, truncate ? request.contextTokens : 0);
    request.prompt = std::move(prompt.tokens);
    request.promptIsWhole = prompt.whole;
    request.media = std::move(prompt.media);
    request.stops.insert(request.stops.end(), prompt.chat.stops.begin(), prompt.chat.stops.end());
    request.parser = AnswerParser(std::move(prompt.chat.parser));
    if (!json.at("chat").value("parallelToolCalls", true)) request.parser.limitToOneCall();
  } else {
    Prompt prompt = textPrompt(maker, json, text.files, truncate ? request.contextTokens : 0, request.keepTokens);
    request.prompt = std::move(prompt.tokens);
    request.promptIsWhole = prompt.whole;
    request.media = std::move(prompt.media);
    constrainText(grammar, jsonSchema, sampling);
  }
  if (json.contains("context")) {
    if (!text.files.empty()) throw Failure("invalid_argument", "images and audio cannot be used together with a context");
    auto earlier = json.at("context").get<std::vector<llama_token>>();
    auto whole = afterConversation(std::move(earlier), request.prompt.tokens(), vocab);
    request.prompt = truncate ? withoutMiddle(std::move(whole), request.contextTokens - 1, request.keepTokens) : std::move(whole);
  }
  checkLength(request.prompt.size(), contextTokens);
  request.sampler = makeSampler(maker.model, sampling, request.prompt);
  request.preservedTokens = std::move(sampling.preserved_tokens);
}

}  // namespace llmlb
