#include "request.h"

#include <json-schema-to-grammar.h>

#include <algorithm>

#include "failure.h"

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

common_sampler_ptr makeSampler(const llama_model* model, common_params_sampling& sampling,
                               const std::vector<llama_token>& prompt) {
  common_sampler_ptr sampler;
  try {
    sampler.reset(common_sampler_init(model, sampling));
  } catch (const std::exception& error) {
    throw Failure("invalid_argument", std::string("the sampling options cannot be used: ") + error.what());
  }
  // The penalties look back into the prompt; what lies before their reach need not be shown to them.
  const size_t reach = std::max(sampling.penalty_last_n, sampling.n_prev);
  for (size_t i = prompt.size() > reach ? prompt.size() - reach : 0; i < prompt.size(); i++) {
    common_sampler_accept(sampler.get(), prompt[i], false);
  }
  return sampler;
}

void checkLength(size_t promptTokens, int contextTokens) {
  if (promptTokens == 0) throw Failure("invalid_argument", "the prompt is empty");
  if (promptTokens < static_cast<size_t>(contextTokens)) return;
  throw Failure("context_overflow", "the prompt has " + std::to_string(promptTokens) +
                                        " tokens, but the context holds " + std::to_string(contextTokens) +
                                        " and needs room for an answer; shorten the prompt or raise num_ctx");
}

}  // namespace

void prepareRequest(Request& request, const std::string& text, const llama_model* model,
                    const ChatTemplates& templates, int contextTokens) {
  const common_json json = common_json::parse(text);
  const std::string grammar = json.value("grammar", "");
  const std::string jsonSchema = json.value("jsonSchema", "");
  // common_sampler_init aborts the process on this prefix, because llguidance is not compiled in.
  if (grammar.starts_with("%llguidance")) throw Failure("invalid_argument", "llguidance grammars are not supported");

  common_params_sampling sampling = samplingFrom(json.at("sampling"), contextTokens);
  request.stops = json.at("stop").get<std::vector<std::string>>();
  request.maxTokens = json.at("maxTokens").get<int>();

  std::string prompt;
  if (json.contains("chat")) {
    RenderedChat chat = templates.render(json.at("chat"), grammar, jsonSchema, sampling);
    prompt = std::move(chat.prompt);
    request.stops.insert(request.stops.end(), chat.stops.begin(), chat.stops.end());
    request.parser = AnswerParser(std::move(chat.parser));
  } else {
    prompt = json.at("text").get<std::string>();
    constrainText(grammar, jsonSchema, sampling);
  }
  request.prompt = common_tokenize(llama_model_get_vocab(model), prompt, true, true);
  checkLength(request.prompt.size(), contextTokens);
  request.sampler = makeSampler(model, sampling, request.prompt);
  request.preservedTokens = std::move(sampling.preserved_tokens);
}

}  // namespace llmlb
