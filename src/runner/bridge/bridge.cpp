// The N-API surface: one Bridge per loaded model. What the methods take and give is typed in src/runner/native-bridge.ts.
#include <napi.h>
#include <llama-ext.h>

#include <algorithm>
#include <future>
#include <unordered_map>

#include "adapters.h"
#include "bridge.h"
#include "chat-templates.h"
#include "decode-loop.h"
#include "embedder.h"
#include "from-js.h"
#include "js-job.h"
#include "ranker.h"
#include "to-js.h"
#include "worker.h"

namespace llmlb {
namespace {

// Counting is not bound by the context; penalties reserve memory for as far as they look, which is not this far.
constexpr int kPromptTokensMax = 16'777'216;

struct MemoryBytes {
  size_t total = 0, vram = 0;
};

MemoryBytes memoryOf(const llama_context* context) {
  MemoryBytes sum;
  for (const auto& [bufferType, part] : llama_get_memory_breakdown(context)) {
    const ggml_backend_dev_t device = ggml_backend_buft_get_device(bufferType);
    const auto type = device == nullptr ? GGML_BACKEND_DEVICE_TYPE_CPU : ggml_backend_dev_type(device);
    const bool onGpu = !ggml_backend_buft_is_host(bufferType) &&
                       (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU);
    sum.total += part.total();
    if (onGpu) sum.vram += part.total();
  }
  return sum;
}

}  // namespace

class Bridge : public Napi::ObjectWrap<Bridge> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Bridge",
                       {InstanceMethod("info", &Bridge::info), InstanceMethod("generate", &Bridge::generate),
                        InstanceMethod("embed", &Bridge::embed), InstanceMethod("rank", &Bridge::rank),
                        InstanceMethod("count", &Bridge::count), InstanceMethod("cancel", &Bridge::cancel),
                        InstanceMethod("acknowledge", &Bridge::acknowledge), InstanceMethod("stats", &Bridge::stats),
                        InstanceMethod("setThreads", &Bridge::setThreads), InstanceMethod("close", &Bridge::close)});
  }

  /** new Bridge(model, options, onMessages); `model` is what loadModel() gave, `options.projector` what loadProjector() gave. */
  explicit Bridge(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const auto env = info.Env();
    owner_ = *info[0].As<Napi::External<std::shared_ptr<llama_model>>>().Data();
    model_ = owner_.get();
    const auto given = info[1].As<Napi::Object>();
    options_ = bridgeOptionsFrom(given);
    // No model is any good beyond the context that it was trained with.
    const int trained = llama_model_n_ctx_train(model_);
    if (trained > 0) options_.contextTokens = std::min(options_.contextTokens, trained);
    try {
      // Parsing the template and trying what it can do takes as long as making the context: side by side.
      auto templates = std::async(std::launch::async, [this, fallback = given.Get("fallbackTemplate").ToString().Utf8Value()] {
        return std::make_unique<ChatTemplates>(model_, fallback);
      });
      outbox_ = std::make_shared<Outbox>(env, info[2].As<Napi::Function>(),
                                         [this](Napi::Env e, Napi::Function callback, std::vector<Delivery> deliveries) {
                                           deliver(e, callback, std::move(deliveries));
                                         });
      options_.adapters = loadAdapters(model_, textsFrom(info[1].As<Napi::Object>().Get("adapterPaths")));
      loop_ = std::make_unique<DecodeLoop>(model_, options_, outbox_);
      embedder_ = std::make_unique<Embedder>(model_, options_, outbox_);
      ranker_ = std::make_unique<Ranker>(model_, options_, outbox_);
      templates_ = templates.get();
      tokenizer_ = std::make_unique<PromptTokenizer>(llama_model_get_vocab(model_));
      preparer_ = std::make_unique<Worker>();
      mediaPreparer_ = std::make_unique<Worker>();
    } catch (const Failure& failure) {
      if (outbox_) outbox_->close();
      throw toJavaScriptError(env, failure);
    } catch (const std::exception& error) {
      if (outbox_) outbox_->close();
      throw Napi::Error::New(env, error.what());
    }
  }

  ~Bridge() override { shutDown(); }

 private:
  Napi::Value info(const Napi::CallbackInfo& call) {
    const auto env = call.Env();
    requireOpen(env);
    const MemoryBytes memory = memoryOf(loop_->context());
    auto result = Napi::Object::New(env);
    result.Set("contextTokens", options_.contextTokens);
    result.Set("trainContextTokens", llama_model_n_ctx_train(model_));
    result.Set("slots", options_.slots);
    const Projector* projector = options_.projector.get();
    result.Set("memoryBytes", static_cast<double>(memory.total + (projector ? projector->memoryBytes() : 0)));
    result.Set("vramBytes", static_cast<double>(memory.vram + (projector ? projector->vramBytes() : 0)));
    result.Set("vision", projector != nullptr && projector->sees());
    result.Set("audio", projector != nullptr && projector->hears());
    result.Set("thinking", templates_->supportsThinking());
    result.Set("tools", templates_->supportsTools());
    result.Set("chatTemplate", templates_->source());
    return result;
  }

  /** generate(id, requestJson, media) */
  Napi::Value generate(const Napi::CallbackInfo& call) {
    return postRequest(call, [this](const std::shared_ptr<Request>& request, const RequestText& text) {
      if (!loop_->canGenerate()) throw Failure("unsupported", "this model makes embeddings only, it cannot generate text");
      if (llama_model_has_encoder(model_)) throw Failure("unsupported", "encoder-decoder models cannot generate text here");
      prepareRequest(*request, text, promptMaker(), options_.contextTokens);
      loop_->submit(request);
    });
  }

  /** count(id, requestJson, media): as long as the prompt may be. */
  Napi::Value count(const Napi::CallbackInfo& call) {
    return postRequest(call, [this](const std::shared_ptr<Request>& request, const RequestText& text) {
      prepareRequest(*request, text, promptMaker(), kPromptTokensMax);
      outbox_->embedded(request, Embedded{{}, request->prompt.size()});
      outbox_->flush(true);
    });
  }

  using Prepare = std::function<void(const std::shared_ptr<Request>&, const RequestText&)>;

  /** Rendering and tokenizing happen in order on a thread of their own, those of media on another: a text never waits for a picture. */
  Napi::Value postRequest(const Napi::CallbackInfo& call, Prepare prepare) {
    requireOpen(call.Env());
    auto request = std::make_shared<Request>(call[0].ToNumber().Int64Value());
    std::vector<MediaFile> files = mediaFilesFrom(call[2].As<Napi::Array>());
    tickets_[request->id] = request;
    Worker& worker = files.empty() ? *preparer_ : *mediaPreparer_;
    worker.post([this, request, json = call[1].ToString().Utf8Value(), files = std::move(files), prepare = std::move(prepare)]() mutable {
      runPreparation(request, {std::move(json), identified(std::move(files))}, prepare);
    });
    return call.Env().Undefined();
  }

  void runPreparation(const std::shared_ptr<Request>& request, const RequestText& text, const Prepare& prepare) {
    try {
      if (request->cancelled) throw Failure("cancelled", "cancelled");
      return prepare(request, text);
    } catch (const Failure& failure) {
      outbox_->fail(request, failure);
    } catch (const std::exception& error) {
      outbox_->fail(request, Failure("invalid_argument", error.what()));
    }
    outbox_->flush(true);
  }

  /** embed(id, inputs, truncate) */
  Napi::Value embed(const Napi::CallbackInfo& call) {
    requireOpen(call.Env());
    auto ticket = std::make_shared<Ticket>(call[0].ToNumber().Int64Value());
    std::vector<EmbedInput> inputs = embedInputsFrom(call[1].As<Napi::Array>());
    tickets_[ticket->id] = ticket;
    embedder_->submit(ticket, std::move(inputs), call[2].ToBoolean());
    return call.Env().Undefined();
  }

  /** rank(id, query, documents) */
  Napi::Value rank(const Napi::CallbackInfo& call) {
    requireOpen(call.Env());
    auto ticket = std::make_shared<Ticket>(call[0].ToNumber().Int64Value());
    tickets_[ticket->id] = ticket;
    ranker_->submit(ticket, call[1].ToString().Utf8Value(), textsFrom(call[2]));
    return call.Env().Undefined();
  }

  /** cancel(id): the request ends with the code `cancelled`, unless it has just ended by itself. */
  Napi::Value cancel(const Napi::CallbackInfo& call) {
    const auto found = tickets_.find(call[0].ToNumber().Int64Value());
    if (loop_ && found != tickets_.end()) {
      found->second->cancelled = true;
      loop_->wake();
    }
    return call.Env().Undefined();
  }

  /** acknowledge(id, tokens): the reader of an answer has taken that many more of its tokens. */
  Napi::Value acknowledge(const Napi::CallbackInfo& call) {
    const auto found = tickets_.find(call[0].ToNumber().Int64Value());
    if (loop_ && found != tickets_.end()) {
      found->second->acknowledged += static_cast<size_t>(std::max<int64_t>(0, call[1].ToNumber().Int64Value()));
      loop_->wake();
    }
    return call.Env().Undefined();
  }

  Napi::Value stats(const Napi::CallbackInfo& call) {
    requireOpen(call.Env());
    const LoopStats stats = loop_->stats();
    auto result = Napi::Object::New(call.Env());
    const auto set = [&result](const char* name, double value) { result.Set(name, value); };
    set("slots", options_.slots);
    set("busySlots", static_cast<double>(stats.busySlots));
    set("queued", static_cast<double>(stats.queued));
    set("paused", static_cast<double>(stats.paused));
    set("finished", static_cast<double>(stats.finished));
    set("promptTokens", static_cast<double>(stats.promptTokens));
    set("promptMs", static_cast<double>(stats.promptUs) / 1000);
    set("cachedTokens", static_cast<double>(stats.cachedTokens));
    set("completionTokens", static_cast<double>(stats.completionTokens));
    set("generationMs", static_cast<double>(stats.generationUs) / 1000);
    set("cpuMs", static_cast<double>(stats.cpuUs) / 1000);
    set("promptCacheBytes", static_cast<double>(stats.promptCacheBytes));
    set("mediaEncoded", static_cast<double>(stats.mediaEncoded));
    set("mediaMs", static_cast<double>(stats.mediaUs) / 1000);
    set("heartbeats", static_cast<double>(stats.heartbeats));
    const std::vector<HeldPrompt> held = loop_->held();
    auto list = Napi::Array::New(call.Env(), held.size());
    for (uint32_t i = 0; i < held.size(); i++) {
      auto one = Napi::Object::New(call.Env());
      one.Set("request", static_cast<double>(held[i].request));
      one.Set("tokens", static_cast<double>(held[i].tokens));
      list.Set(i, one);
    }
    result.Set("held", list);
    return result;
  }

  /** setThreads(threads): from the next step on. */
  Napi::Value setThreads(const Napi::CallbackInfo& call) {
    if (loop_) loop_->setThreads(std::max(1, call[0].ToNumber().Int32Value()));
    return call.Env().Undefined();
  }

  /** Ends the threads and frees the contexts; what runs gets no answer any more. Idempotent. */
  Napi::Value close(const Napi::CallbackInfo& call) {
    shutDown();
    return call.Env().Undefined();
  }

  void shutDown() {
    preparer_.reset();  // first: they submit to the others
    mediaPreparer_.reset();
    embedder_.reset();
    ranker_.reset();
    loop_.reset();
    if (outbox_) outbox_->close();
    tickets_.clear();
    options_.projector.reset();
    owner_.reset();
  }

  PromptMaker promptMaker() const { return {model_, *templates_, *tokenizer_, options_.projector.get()}; }

  void requireOpen(Napi::Env env) const {
    if (!loop_) throw Napi::Error::New(env, "the bridge is closed");
  }

  void deliver(Napi::Env env, Napi::Function callback, std::vector<Delivery> deliveries) {
    auto messages = Napi::Array::New(env);
    for (auto& delivery : deliveries) {
      if (delivery.ends()) tickets_.erase(delivery.ticket->id);
      appendMessages(env, messages, delivery);
    }
    if (messages.Length() > 0) callback.Call({messages});
  }

  std::shared_ptr<llama_model> owner_;
  llama_model* model_ = nullptr;
  LoopOptions options_;
  std::unique_ptr<ChatTemplates> templates_;
  /** Used on the thread that prepares texts only. */
  std::unique_ptr<PromptTokenizer> tokenizer_;
  std::shared_ptr<Outbox> outbox_;
  std::unique_ptr<DecodeLoop> loop_;
  std::unique_ptr<Embedder> embedder_;
  std::unique_ptr<Ranker> ranker_;
  std::unique_ptr<Worker> preparer_, mediaPreparer_;
  std::unordered_map<int64_t, std::shared_ptr<Ticket>> tickets_;
};

Napi::Function defineBridge(Napi::Env env) { return Bridge::define(env); }

}  // namespace llmlb
