#include "ranker.h"

#include <common.h>

#include "failure.h"

namespace llmlb {
namespace {

using Tokens = std::vector<llama_token>;

/** `pattern` with query and document where it names them. */
std::string fillIn(const std::string& pattern, const std::string& query, const std::string& document) {
  static const std::string kQuery = "{query}", kDocument = "{document}";
  std::string filled;
  for (size_t at = 0; at < pattern.size();) {
    if (pattern.compare(at, kQuery.size(), kQuery) == 0) {
      filled += query;
      at += kQuery.size();
    } else if (pattern.compare(at, kDocument.size(), kDocument) == 0) {
      filled += document;
      at += kDocument.size();
    } else {
      filled += pattern[at++];
    }
  }
  return filled;
}

/** What the model was trained to read, as llama-server writes it: its own "rerank" template, else both texts between its marks. */
Tokens rankPrompt(const llama_model* model, const std::string& query, const std::string& document) {
  const llama_vocab* vocab = llama_model_get_vocab(model);
  if (const char* own = llama_model_chat_template(model, "rerank")) {
    return common_tokenize(vocab, fillIn(own, query, document), false, true);
  }
  const llama_token sep = llama_vocab_sep(vocab);
  const llama_token eos = llama_vocab_eos(vocab) == LLAMA_TOKEN_NULL ? sep : llama_vocab_eos(vocab);
  Tokens prompt;
  const auto mark = [&prompt](bool wanted, llama_token token) {
    if (wanted) prompt.push_back(token);
  };
  const auto text = [&](const std::string& part) {
    const Tokens tokens = common_tokenize(vocab, part, false, false);
    prompt.insert(prompt.end(), tokens.begin(), tokens.end());
  };
  mark(llama_vocab_get_add_bos(vocab), llama_vocab_bos(vocab));
  text(query);
  mark(llama_vocab_get_add_eos(vocab), eos);
  mark(llama_vocab_get_add_sep(vocab), sep);
  text(document);
  mark(llama_vocab_get_add_eos(vocab), eos);
  return prompt;
}

}  // namespace

void Ranker::submit(std::shared_ptr<Ticket> ticket, std::string query, std::vector<std::string> documents) {
  if (!worker_) worker_ = std::make_unique<Worker>();
  worker_->post([this, ticket = std::move(ticket), query = std::move(query), documents = std::move(documents)] {
    try {
      outbox_->embedded(ticket, rank(*ticket, query, documents));
    } catch (const Failure& failure) {
      outbox_->fail(ticket, failure);
    } catch (const std::exception& error) {
      outbox_->fail(ticket, Failure("internal", error.what()));
    }
    outbox_->flush(true);
  });
}

Embedded Ranker::rank(const Ticket& ticket, const std::string& query, const std::vector<std::string>& documents) {
  const auto limit = static_cast<size_t>(llama_model_n_ctx_train(model_));
  Embedded result;
  for (size_t i = 0; i < documents.size(); i++) {
    if (ticket.cancelled) throw Failure("cancelled", "cancelled");
    const Tokens prompt = rankPrompt(model_, query, documents[i]);
    const std::string name = "document " + std::to_string(i);
    if (prompt.empty()) throw Failure("invalid_argument", name + " and the query are empty");
    if (prompt.size() > limit) {
      throw Failure("context_overflow", name + " has " + std::to_string(prompt.size()) + " tokens with the query, but the model takes " +
                                            std::to_string(limit) + "; shorten it");
    }
    result.promptTokens += prompt.size();
    result.vectors.push_back({context_.evaluate(prompt)[0]});
  }
  return result;
}

}  // namespace llmlb
