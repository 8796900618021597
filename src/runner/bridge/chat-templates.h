#pragma once
#include <chat.h>

#include <string>
#include <vector>

namespace llmlb {

struct RenderedChat {
  std::string prompt;
  /** Stop strings that belong to the template. */
  std::vector<std::string> stops;
  common_chat_parser_params parser;
};

/** The model's chat templates (`fallback`, else ChatML where it has none), rendered by llama.cpp's common/chat as llama-server does. */
class ChatTemplates {
 public:
  ChatTemplates(const llama_model* model, const std::string& fallback);

  /**
   * Renders `chat` (`messages`, `tools`, `toolChoice`, `thinking`, `reasoningEffort`; see GenerationInput). A grammar or
   * JSON schema goes through the template too, which decides where it applies. Adds to `sampling` what the template
   * asks of the sampler. Throws Failure `invalid_argument` on what cannot be rendered.
   */
  RenderedChat render(const common_json& chat, const std::string& grammar, const std::string& jsonSchema,
                      common_params_sampling& sampling) const;

  bool supportsThinking() const { return supportsThinking_; }
  bool supportsTools() const { return supportsTools_; }
  std::string source() const { return common_chat_templates_source(templates_.get()); }

 private:
  common_chat_templates_inputs inputsFrom(const common_json& chat) const;
  void constrain(const common_chat_params& rendered, const std::string& grammar, common_params_sampling& sampling) const;

  const llama_vocab* vocab_;
  common_chat_templates_ptr templates_;
  bool supportsThinking_ = false;
  bool supportsTools_ = false;
};

}  // namespace llmlb
