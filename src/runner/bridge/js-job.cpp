#include "js-job.h"

#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace llmlb {
namespace {

struct Job {
  Napi::Promise::Deferred promise;
  Napi::ThreadSafeFunction channel;
  JobResult result;
  std::optional<Failure> failure;
};

// Never destroyed: a job may still hold it while the process ends.
std::mutex& gate() {
  static auto* instance = new std::mutex();
  return *instance;
}

void settle(Napi::Env env, Job& job) {
  if (job.failure) return job.promise.Reject(toJavaScriptError(env, *job.failure).Value());
  try {
    job.promise.Resolve(job.result(env));
  } catch (const Napi::Error& error) {
    job.promise.Reject(error.Value());
  }
}

void run(const std::shared_ptr<Job>& job, const std::function<JobResult(const TellProgress&)>& work) {
  try {
    std::lock_guard lock(gate());
    job->result = work([&job](double value) {
      job->channel.NonBlockingCall([value](Napi::Env env, Napi::Function callback) { callback.Call({Napi::Number::New(env, value)}); });
    });
  } catch (const Failure& failure) {
    job->failure = failure;
  } catch (const std::exception& error) {
    job->failure = Failure("load_failed", error.what());
  }
  // The same channel as the progress, so that nothing is told after the end.
  job->channel.BlockingCall([job](Napi::Env env, Napi::Function) { settle(env, *job); });
  job->channel.Release();
}

}  // namespace

Napi::Value runJob(Napi::Env env, Napi::Function onProgress, std::function<JobResult(const TellProgress&)> work) {
  auto job = std::make_shared<Job>(Job{Napi::Promise::Deferred::New(env),
                                       Napi::ThreadSafeFunction::New(env, onProgress, "llmlb-job", 0, 1), {}, {}});
  const Napi::Value promise = job->promise.Promise();
  std::thread([job, work = std::move(work)] { run(job, work); }).detach();
  return promise;
}

Napi::Error toJavaScriptError(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.what());
  error.Set("code", failure.code);
  return error;
}

}  // namespace llmlb
