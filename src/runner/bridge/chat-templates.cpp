#include "chat-templates.h"

#include <cstdio>

#include "failure.h"

namespace llmlb {
namespace {

// What llama-server calls its default: reasoning apart from the answer, in the stream too.
constexpr common_reasoning_format kReasoningFormat = COMMON_REASONING_FORMAT_DEEPSEEK;

common_chat_templates_ptr initTemplates(const llama_model* model, const std::string& fallback) {
  const bool own = llama_model_chat_template(model, nullptr) != nullptr;
  try {
    return common_chat_templates_init(model, own ? "" : fallback);
  } catch (const std::exception& error) {
    // A model with a broken template can still complete text and embed.
    std::fprintf(stderr, "chat template of the model cannot be read, ChatML is used instead: %s\n", error.what());
    return common_chat_templates_init(model, "chatml");
  }
}

/** Of llama.cpp's long account of a template that refuses a chat, what the template itself says. */
std::string reasonOf(const std::string& account) {
  static const std::string kMark = "Jinja Exception: ";
  const size_t at = account.rfind(kMark);
  return at == std::string::npos ? account : account.substr(at + kMark.size());
}

}  // namespace

ChatTemplates::ChatTemplates(const llama_model* model, const std::string& fallback)
    : vocab_(llama_model_get_vocab(model)), templates_(initTemplates(model, fallback)) {
  try {
    supportsThinking_ = common_chat_templates_support_enable_thinking(templates_.get());
  } catch (const std::exception&) {
    supportsThinking_ = false;  // the template refuses a plain chat; a request will say why
  }
  const auto caps = common_chat_templates_get_caps(templates_.get());
  const auto tools = caps.find("supports_tools");
  supportsTools_ = tools != caps.end() && tools->second;
}

RenderedChat ChatTemplates::render(const common_json& chat, const std::string& grammar, const std::string& jsonSchema,
                                   common_params_sampling& sampling) const {
  try {
    common_chat_templates_inputs inputs = inputsFrom(chat);
    inputs.grammar = grammar;
    inputs.json_schema = jsonSchema;
    const common_chat_params rendered = common_chat_templates_apply(templates_.get(), inputs);
    constrain(rendered, grammar, sampling);

    RenderedChat result{rendered.prompt, rendered.additional_stops, common_chat_parser_params(rendered)};
    result.parser.reasoning_format = kReasoningFormat;
    if (!rendered.parser.empty()) result.parser.parser.load(rendered.parser);
    return result;
  } catch (const Failure&) {
    throw;
  } catch (const std::exception& error) {
    throw Failure("invalid_argument", "the chat cannot be rendered: " + reasonOf(error.what()));
  }
}

common_chat_templates_inputs ChatTemplates::inputsFrom(const common_json& chat) const {
  common_chat_templates_inputs inputs;
  inputs.messages = common_chat_msgs_parse_oaicompat(chat.at("messages"));
  if (chat.contains("tools")) inputs.tools = common_chat_tools_parse_oaicompat(chat.at("tools"));
  inputs.tool_choice = common_chat_tool_choice_parse_oaicompat(chat.value("toolChoice", "auto"));
  inputs.parallel_tool_calls = chat.value("parallelToolCalls", true);
  inputs.reasoning_format = kReasoningFormat;
  inputs.enable_thinking = chat.contains("thinking") ? chat.at("thinking").get<bool>() : supportsThinking_;
  if (chat.contains("reasoningEffort")) {
    inputs.chat_template_kwargs["reasoning_effort"] = chat.at("reasoningEffort").dump();
  }
  return inputs;
}

/** Grammar, triggers and reasoning tags, as llama-server hands them from the template to the sampler. */
void ChatTemplates::constrain(const common_chat_params& rendered, const std::string& grammar,
                              common_params_sampling& sampling) const {
  const auto tokens = [this](const std::string& text) { return common_tokenize(vocab_, text, false, true); };
  if (!grammar.empty()) sampling.grammar = {COMMON_GRAMMAR_TYPE_USER, grammar};
  else if (!rendered.grammar.empty()) sampling.grammar = {COMMON_GRAMMAR_TYPE_TOOL_CALLS, rendered.grammar};
  sampling.grammar_lazy = grammar.empty() && rendered.grammar_lazy;
  sampling.generation_prompt = rendered.generation_prompt;

  for (const auto& text : rendered.preserved_tokens) {
    const auto ids = tokens(text);
    if (ids.size() == 1) sampling.preserved_tokens.insert(ids[0]);
  }
  for (auto trigger : rendered.grammar_triggers) {
    if (trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD) {
      const auto ids = tokens(trigger.value);
      if (ids.size() == 1 && sampling.preserved_tokens.contains(ids[0])) {
        trigger.type = COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN;
        trigger.token = ids[0];
      }
    }
    sampling.grammar_triggers.push_back(std::move(trigger));
  }
  if (!rendered.thinking_end_tags.empty()) {
    sampling.reasoning_budget_start = tokens(rendered.thinking_start_tag);
    for (const auto& tag : rendered.thinking_end_tags) {
      if (!tag.empty()) sampling.reasoning_budget_end.push_back(tokens(tag));
    }
    if (!sampling.reasoning_budget_end.empty()) sampling.reasoning_budget_forced = sampling.reasoning_budget_end.front();
  }
}

}  // namespace llmlb
