#include "embedder.h"

#include <common.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "adapters.h"
#include "bridge-log.h"
#include "failure.h"

namespace llmlb {
namespace {

constexpr size_t kContextTokensMin = 512;

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

struct Batch {
  explicit Batch(size_t tokens) : value(llama_batch_init(static_cast<int32_t>(tokens), 0, 1)) {}
  Batch(const Batch&) = delete;
  ~Batch() { llama_batch_free(value); }
  llama_batch value;
};

}  // namespace

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
    result.vectors.push_back(embedTokens(tokens));
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

std::vector<float> Embedder::embedTokens(const std::vector<llama_token>& tokens) {
  makeRoom(tokens.size());
  if (llama_memory_t memory = llama_get_memory(context_.get())) llama_memory_clear(memory, false);
  Batch batch(tokens.size());
  for (size_t i = 0; i < tokens.size(); i++) {
    common_batch_add(batch.value, tokens[i], static_cast<llama_pos>(i), {0}, true);
  }
  const float* vector = llama_decode(context_.get(), batch.value) == 0 ? llama_get_embeddings_seq(context_.get(), 0) : nullptr;
  if (vector == nullptr) throw Failure("internal", "llama.cpp could not embed: " + takeLogErrors());
  return std::vector<float>(vector, vector + llama_model_n_embd_out(model_));
}

/** Pooling sees one physical batch only, so that batch must hold the whole input; it grows with the longest input seen. */
void Embedder::makeRoom(size_t tokens) {
  if (context_ && llama_n_ubatch(context_.get()) >= tokens) return;
  llama_context_params params = llama_context_default_params();
  params.n_ctx = params.n_batch = params.n_ubatch = static_cast<uint32_t>(std::max(kContextTokensMin, std::bit_ceil(tokens)));
  params.n_seq_max = 1;
  params.n_threads = params.n_threads_batch = threads_;
  params.embeddings = true;
  params.pooling_type = poolingOf(model_);
  params.no_perf = true;
  context_.reset();
  context_.reset(llama_init_from_model(model_, params));
  if (!context_) throw Failure("load_failed", "the context for embeddings cannot be made: " + takeLogErrors());
  applyAdapters(context_.get(), adapters_);
}

}  // namespace llmlb
