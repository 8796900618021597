#include "to-js.h"

#include <utility>

namespace llmlb {
namespace {

Napi::Object message(Napi::Env env, const char* type, const Delivery& delivery) {
  auto object = Napi::Object::New(env);
  object.Set("type", type);
  object.Set("id", static_cast<double>(delivery.ticket->id));
  return object;
}

Napi::Object toJs(Napi::Env env, const AnswerEvent& event) {
  auto object = Napi::Object::New(env);
  if (event.kind != AnswerEvent::Kind::toolCall) {
    object.Set("type", event.kind == AnswerEvent::Kind::text ? "text" : "reasoning");
    object.Set("text", event.text);
    return object;
  }
  object.Set("type", "toolCall");
  object.Set("index", static_cast<double>(event.index));
  if (!event.name.empty()) {
    object.Set("id", event.id);
    object.Set("name", event.name);
  }
  object.Set("arguments", event.text);
  return object;
}

Napi::Object toJs(Napi::Env env, const TokenLogprob& token) {
  auto bytes = Napi::Uint8Array::New(env, token.bytes.size());
  std::copy(token.bytes.begin(), token.bytes.end(), bytes.Data());
  auto object = Napi::Object::New(env);
  object.Set("id", token.id);
  object.Set("bytes", bytes);
  object.Set("logprob", token.logprob);
  return object;
}

Napi::Object toJs(Napi::Env env, const std::vector<ChosenToken>& tokens) {
  auto list = Napi::Array::New(env, tokens.size());
  for (uint32_t i = 0; i < tokens.size(); i++) {
    auto top = Napi::Array::New(env, tokens[i].top.size());
    for (uint32_t at = 0; at < tokens[i].top.size(); at++) top.Set(at, toJs(env, tokens[i].top[at]));
    auto token = toJs(env, tokens[i].chosen);
    token.Set("top", top);
    list.Set(i, token);
  }
  auto object = Napi::Object::New(env);
  object.Set("type", "logprobs");
  object.Set("tokens", list);
  return object;
}

Napi::Object toJs(Napi::Env env, const Done& done, const AnswerParser& parser) {
  const bool cut = done.reason == Reason::length && !parser.isSatisfied();
  auto counts = Napi::Object::New(env);
  counts.Set("promptTokens", static_cast<double>(done.counts.promptTokens));
  counts.Set("cachedTokens", static_cast<double>(done.counts.cachedTokens));
  counts.Set("completionTokens", static_cast<double>(done.counts.completionTokens));
  counts.Set("promptMs", done.counts.promptMs);
  counts.Set("generationMs", done.counts.generationMs);
  auto object = Napi::Object::New(env);
  object.Set("type", "done");
  object.Set("reason", cut ? "length" : parser.sawToolCalls() ? "toolCalls" : "stop");
  if (!done.stop.empty()) object.Set("stopText", done.stop);
  object.Set("counts", counts);
  if (!done.tokens.empty()) {
    auto tokens = Napi::Int32Array::New(env, done.tokens.size());
    std::copy(done.tokens.begin(), done.tokens.end(), tokens.Data());
    object.Set("tokens", tokens);
  }
  return object;
}

/** The decode thread wrote both numbers before the first token left. */
Napi::Object started(Napi::Env env, const Progress& progress) {
  auto object = Napi::Object::New(env);
  object.Set("type", "started");
  object.Set("promptTokens", static_cast<double>(progress.promptTokens));
  object.Set("cachedTokens", static_cast<double>(progress.cachedTokens));
  return object;
}

Napi::Array toJs(Napi::Env env, const std::vector<std::vector<float>>& vectors) {
  auto array = Napi::Array::New(env, vectors.size());
  for (uint32_t i = 0; i < vectors.size(); i++) {
    auto vector = Napi::Float32Array::New(env, vectors[i].size());
    std::copy(vectors[i].begin(), vectors[i].end(), vector.Data());
    array.Set(i, vector);
  }
  return array;
}

void appendEvents(Napi::Env env, Napi::Array messages, Delivery& delivery) {
  auto& request = static_cast<Request&>(*delivery.ticket);
  auto& parser = request.parser;
  const AnswerEnd end = !delivery.done                             ? AnswerEnd::none
                        : delivery.done->reason == Reason::length ? AnswerEnd::cut
                                                                  : AnswerEnd::complete;
  auto events = Napi::Array::New(env);
  if (!std::exchange(request.startTold, true)) events.Set(events.Length(), started(env, request.progress));
  if (!delivery.logprobs.empty()) events.Set(events.Length(), toJs(env, delivery.logprobs));
  for (const auto& event : parser.push(delivery.text, end)) events.Set(events.Length(), toJs(env, event));
  request.satisfied = parser.isSatisfied();
  if (delivery.done) events.Set(events.Length(), toJs(env, *delivery.done, parser));
  auto object = message(env, "events", delivery);
  object.Set("events", events);
  // Also when nothing can be shown yet (half a tool call): the reader's acknowledgements must keep up with the tokens.
  object.Set("tokens", static_cast<double>(delivery.tokens));
  messages.Set(messages.Length(), object);
}

}  // namespace

void appendMessages(Napi::Env env, Napi::Array messages, Delivery& delivery) {
  if (delivery.done || delivery.tokens > 0) appendEvents(env, messages, delivery);
  if (delivery.embedded) {
    auto object = message(env, "embedded", delivery);
    object.Set("vectors", toJs(env, delivery.embedded->vectors));
    object.Set("promptTokens", static_cast<double>(delivery.embedded->promptTokens));
    messages.Set(messages.Length(), object);
  }
  if (delivery.failure) {
    auto object = message(env, "error", delivery);
    object.Set("code", delivery.failure->code);
    object.Set("message", delivery.failure->what());
    messages.Set(messages.Length(), object);
  }
}

}  // namespace llmlb
