#include "embedder.h"

#include <common.h>

#include <cstdlib>

#include "failure.h"

namespace llmlb {
namespace {

std::string metadata(const llama_model* model, const std::string& key) {
  char value[128] = "";
  return llama_model_meta_val_str(model, key.c_str(), value, sizeof value) < 0 ? "" : value;
}

/** The pooling that the GGUF names; a model that was not made for embeddings gets the mean of its tokens. */
enum llama_pooling_type poolingOf(const llama_model* model) {
  const std::string named = metadata(model, metadata(model, "general.architecture") + ".pooling_type");
  const int type = named.empty() ? LLAMA_POOLING_TYPE_NONE : std::atoi(named.c_str());
  return type == LLAMA_POOLING_TYPE_CLS || type == LLAMA_POOLING_TYPE_LAST ? static_cast<enum llama_pooling_type>(type)
                                                                          : LLAMA_POOLING_TYPE_MEAN;
}

}  // namespace

Embedder::Embedder(llama_model* model, const LoopOptions& options, std::shared_ptr<Outbox> outbox)
    : model_(model), context_(model, options, poolingOf(model)), outbox_(std::move(outbox)) {}

void Embedder::submit(std::shared_ptr<Ticket> ticket, std::vector<EmbedInput> inputs, bool truncate) {
  if (!worker_) worker_ = std::make_unique<Worker>();
  worker_->post([this, ticket = std::move(ticket), inputs = std::move(inputs), truncate] {
    try {
      outbox_->embedded(ticket, embed(*ticket, inputs, truncate));
    } catch (const Failure& failure) {
      outbox_->fail(ticket, failure);
    } catch (const std::exception& error) {
      outbox_->fail(ticket, Failure("internal", error.what()));
    }
    outbox_->flush(true);
  });
}

Embedded Embedder::embed(const Ticket& ticket, const std::vector<EmbedInput>& inputs, bool truncate) {
  Embedded result;
  for (size_t i = 0; i < inputs.size(); i++) {
    if (ticket.cancelled) throw Failure("cancelled", "cancelled");
    const auto tokens = tokensOf(inputs[i], i, truncate);
    result.promptTokens += tokens.size();
    const float* vector = context_.evaluate(tokens);
    result.vectors.emplace_back(vector, vector + llama_model_n_embd_out(model_));
  }
  return result;
}

std::vector<llama_token> Embedder::tokensOf(const EmbedInput& input, size_t index, bool truncate) const {
  const llama_vocab* vocab = llama_model_get_vocab(model_);
  const auto limit = static_cast<size_t>(llama_model_n_ctx_train(model_));
  const std::string name = "input " + std::to_string(index);
  auto tokens = input.tokens.empty() ? common_tokenize(vocab, input.text, true, true) : input.tokens;
  if (tokens.empty()) throw Failure("invalid_argument", name + " is empty");
  for (const llama_token token : tokens) {
    if (token >= 0 && token < llama_vocab_n_tokens(vocab)) continue;
    throw Failure("invalid_argument", name + " has token " + std::to_string(token) + ", but the model has only " +
                                          std::to_string(llama_vocab_n_tokens(vocab)));
  }
  if (tokens.size() <= limit) return tokens;
  if (!truncate) {
    throw Failure("context_overflow", name + " has " + std::to_string(tokens.size()) + " tokens, but the model takes " +
                                          std::to_string(limit) + "; shorten it");
  }
  // What ends every input of such a model ends this one too.
  const bool ends = llama_vocab_get_add_eos(vocab) || llama_vocab_get_add_sep(vocab);
  const llama_token last = tokens.back();
  tokens.resize(limit);
  if (ends) tokens.back() = last;
  return tokens;
}

}  // namespace llmlb
