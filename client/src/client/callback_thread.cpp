// SPDX-License-Identifier: MIT

#include "client/src/client/callback_thread.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <agora/error.hpp>

#include "client/src/session/background_thread.hpp"

namespace agora::detail {

struct CallbackThread::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::unique_ptr<Job>> jobs;
  std::thread::id thread;  // default until the thread is started
  bool owner_lives = true;
  bool stopping = false;
  bool finished = false;

  void run(std::unique_lock<std::mutex>& lock) {
    while (!jobs.empty()) {
      std::unique_ptr<Job> job = std::move(jobs.front());
      jobs.pop_front();
      const bool lives = owner_lives;
      lock.unlock();
      job->run(lives);
      job.reset();  // its destructor may end the owner
      lock.lock();
    }
  }

  void work() {
    std::unique_lock lock(mutex);
    while (!stopping || !jobs.empty()) {
      run(lock);
      changed.wait(lock, [this] { return stopping || !jobs.empty(); });
    }
    finished = true;
    changed.notify_all();
  }
};

CallbackThread::CallbackThread() : state_(std::make_shared<State>()) {}

Expected<void> CallbackThread::start() {
  const std::lock_guard guard(state_->mutex);
  if (state_->thread != std::thread::id()) return {};
  auto started = start_background_thread([state = state_] { state->work(); });
  if (!started) return started.failure();
  state_->thread = *started;
  return {};
}

void CallbackThread::start_or_throw() {
  if (auto started = start(); !started) throw_error(std::move(started.error()));
}

void CallbackThread::post(std::unique_ptr<Job> job) {
  const std::lock_guard guard(state_->mutex);
  state_->jobs.push_back(std::move(job));
  if (state_->jobs.size() == 1) state_->changed.notify_one();
}

void CallbackThread::stop() noexcept {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
  if (state_->thread == std::thread::id()) return state_->run(lock);
  if (state_->thread == std::this_thread::get_id()) {
    state_->owner_lives = false;
  } else {
    state_->changed.wait(lock, [this] { return state_->finished; });
  }
}

}  // namespace agora::detail
