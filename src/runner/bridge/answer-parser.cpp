#include "answer-parser.h"

#include <random>

namespace llmlb {
namespace {

using Clock = std::chrono::steady_clock;

// Every parse reads the answer from its beginning. Waiting this many times the last parse's own time before the next
// keeps the cost of a long answer linear: parsing takes at most a tenth of the time.
constexpr int kRestFactor = 9;

/** 32 letters and digits, as llama-server makes them. */
std::string newCallId() {
  static const std::string alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<size_t> pick(0, alphabet.size() - 1);
  std::string id(32, ' ');
  for (char& c : id) c = alphabet[pick(random)];
  return id;
}

/** What `now` adds to `sent`; nothing while a reading has not settled (a partial parse may take back its last guess). */
std::string addition(const std::string& sent, const std::string& now) {
  return now.size() > sent.size() && now.starts_with(sent) ? now.substr(sent.size()) : "";
}

}  // namespace

std::vector<AnswerEvent> AnswerParser::push(const std::string& text, AnswerEnd end) {
  std::vector<AnswerEvent> events;
  if (!parses_) {
    if (!text.empty()) events.push_back({AnswerEvent::Kind::text, text});
    return events;
  }
  all_ += text;
  if (end == AnswerEnd::none) {
    const auto begin = Clock::now();
    if (text.empty() || begin < nextParse_) return events;
    update(true, events);
    const auto done = Clock::now();
    nextParse_ = done + kRestFactor * (done - begin);
    return events;
  }
  if (isSatisfied_) return events;
  const bool fits = update(false, events);
  if (fits && !brokenCall_) return events;
  // Not what the format promises. Of a cut answer the partial reading is all there is; in any other what could not be
  // read is shown as it is, and not as half a tool call.
  callsAreOver_ = end == AnswerEnd::complete;
  if (!fits) update(true, events);
  if (callsAreOver_ && !isSatisfied_) {
    const std::string tail = unsentTail();
    if (!tail.empty()) events.push_back({AnswerEvent::Kind::text, tail});
  }
  return events;
}

/** False where the text does not fit the format. */
bool AnswerParser::update(bool isPartial, std::vector<AnswerEvent>& events) {
  common_chat_msg message;
  try {
    message = common_chat_parse(all_, isPartial, params_);
  } catch (const std::exception&) {
    return false;
  }
  const size_t before = events.size();
  emit(message, isPartial, events);
  if (events.size() > before) parsedBytes_ = all_.size();
  return true;
}

void AnswerParser::emit(const common_chat_msg& message, bool isPartial, std::vector<AnswerEvent>& events) {
  if (isSatisfied_) return;
  isSatisfied_ = onlyOneCall_ && message.tool_calls.size() > 1;
  if (auto more = addition(sentReasoning_, message.reasoning_content); !more.empty()) {
    sentReasoning_ += more;
    events.push_back({AnswerEvent::Kind::reasoning, std::move(more)});
  }
  if (auto more = addition(sentContent_, message.content); !more.empty()) {
    sentContent_ += more;
    events.push_back({AnswerEvent::Kind::text, std::move(more)});
  }
  if (callsAreOver_) return;
  const size_t calls = isSatisfied_ ? 1 : message.tool_calls.size();
  for (size_t index = 0; index < calls; index++) emitCall(message, index, isPartial, events);
}

void AnswerParser::emitCall(const common_chat_msg& message, size_t index, bool isPartial,
                            std::vector<AnswerEvent>& events) {
  const common_chat_tool_call& call = message.tool_calls[index];
  // A name may still grow, and a single brace may be the parser's guess, until the arguments go on, the next call begins
  // or the answer ends.
  const bool hasBegun = !isPartial || call.arguments.size() > 1 || index + 1 < message.tool_calls.size();
  if (call.name.empty() || !hasBegun || index > sentCalls_.size()) return;
  AnswerEvent event{AnswerEvent::Kind::toolCall, "", index};
  const bool isNew = index == sentCalls_.size();
  // The parser is lenient: at the end of the text it gives half a call as a whole one.
  if (isNew && !isPartial && !call.arguments.empty() && common_json::parse_no_throw(call.arguments).is_discarded()) {
    brokenCall_ = true;
    return;
  }
  if (isNew) {
    sentCalls_.push_back({call.id.empty() ? newCallId() : call.id});
    event.id = sentCalls_.back().id;
    event.name = call.name;
  }
  event.text = addition(sentCalls_[index].arguments, call.arguments);
  sentCalls_[index].arguments += event.text;
  if (isNew || !event.text.empty()) events.push_back(std::move(event));
}

/** The raw text behind what was sent last. */
std::string AnswerParser::unsentTail() const {
  const std::string& last = sentContent_.empty() ? sentReasoning_ : sentContent_;
  if (!sentCalls_.empty() || last.empty()) return all_.substr(parsedBytes_);
  constexpr size_t kMarkBytes = 64;
  const std::string mark = last.size() > kMarkBytes ? last.substr(last.size() - kMarkBytes) : last;
  const size_t at = all_.rfind(mark);
  return at == std::string::npos ? all_.substr(parsedBytes_) : all_.substr(at + mark.size());
}

}  // namespace llmlb
