#pragma once
#include <chat.h>

#include <chrono>
#include <string>
#include <vector>

namespace llmlb {

/** A piece of an answer; see GenerationEvent in src/core/generation.ts. */
struct AnswerEvent {
  enum class Kind { text, reasoning, toolCall };
  Kind kind;
  /** For a tool call: the next piece of its arguments. */
  std::string text;
  size_t index = 0;
  /** Set once, with the first piece of a tool call. */
  std::string id, name;
};

/** How an answer ended: by the model itself, or cut off. */
enum class AnswerEnd { none, complete, cut };

/** Turns the growing text of one answer into reasoning, content and tool calls, by the parser that came with its prompt. */
class AnswerParser {
 public:
  /** For text that nothing parses. */
  AnswerParser() = default;
  explicit AnswerParser(common_chat_parser_params params) : parses_(true), params_(std::move(params)) {}

  /** Takes the next text; returns what became known by it. Call it once with an `end` other than none. */
  std::vector<AnswerEvent> push(const std::string& text, AnswerEnd end);
  bool sawToolCalls() const { return !sentCalls_.empty(); }

  /** One tool call is all that is wanted. Not every format's grammar ends after one: what comes then is left out. */
  void limitToOneCall() { onlyOneCall_ = true; }
  /** A call more than wanted has begun: nothing that follows is of use. */
  bool isSatisfied() const { return isSatisfied_; }

 private:
  struct SentCall {
    std::string id;
    std::string arguments;
  };

  bool update(bool isPartial, std::vector<AnswerEvent>& events);
  void emit(const common_chat_msg& message, bool isPartial, std::vector<AnswerEvent>& events);
  void emitCall(const common_chat_msg& message, size_t index, bool isPartial, std::vector<AnswerEvent>& events);
  std::string unsentTail() const;

  bool parses_ = false;
  common_chat_parser_params params_;
  std::string all_;
  std::string sentReasoning_, sentContent_;
  std::vector<SentCall> sentCalls_;
  bool callsAreOver_ = false, brokenCall_ = false;
  bool onlyOneCall_ = false, isSatisfied_ = false;
  size_t parsedBytes_ = 0;  // of all_, when something was last sent
  std::chrono::steady_clock::time_point nextParse_{};
};

}  // namespace llmlb
