#pragma once
#include <llama.h>

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

namespace llmlb {

/**
 * Tokenizes prompts and remembers the newest, so that a chat's next turn costs only its new text. A text may be cut after a special token
 * (the end of a turn, say): llama.cpp tokenizes what follows by itself. The result is always what `common_tokenize` would give, with special
 * tokens parsed. For one thread.
 */
class PromptTokenizer {
 public:
  explicit PromptTokenizer(const llama_vocab* vocab);

  std::vector<llama_token> tokenize(const std::string& text);

  /** Characters of the newest text that were found among those remembered; for tests and benchmarks. */
  size_t reusedCharacters() const { return reused_; }

 private:
  /** A place after which tokenizing may begin anew. */
  struct Cut {
    size_t character, tokens;
  };
  struct Remembered {
    std::string text;
    std::vector<llama_token> tokens;
    std::vector<Cut> cuts;
  };
  struct Found {
    const Remembered* prompt = nullptr;
    Cut cut{0, 0};
  };

  Found find(const std::string& text) const;
  std::vector<Cut> cutsOf(const std::string& text, const std::vector<llama_token>& tokens, Cut from) const;
  void remember(Remembered prompt);

  const llama_vocab* vocab_;
  /** False = this kind of vocabulary may look across special tokens. */
  bool cuttable_ = false;
  /** Texts of the special tokens after which a text may be cut. */
  std::unordered_map<llama_token, std::string> specials_;
  size_t longestSpecial_ = 0;
  std::list<Remembered> prompts_;  // newest first
  size_t bytes_ = 0, reused_ = 0;
};

}  // namespace llmlb
