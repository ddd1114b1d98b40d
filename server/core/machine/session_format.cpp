// SPDX-License-Identifier: MIT

#include "server/core/machine/session_format.hpp"

#include <algorithm>
#include <charconv>

namespace agora {
namespace {

void write_identity(Writer& out, Machine& machine, SessionId id, std::string_view owner) {
  const Session* session = machine.sessions().find(id);
  out.text("session"), out.text(session_text(machine, id));
  out.text("host"), out.text(session != nullptr ? session->peer.host : "");
  out.text("pid");
  if (session != nullptr && session->peer.pid != 0) {
    out.integer(session->peer.pid);
  } else {
    out.null();
  }
  out.text("owner"), out.text(owner);
}

}  // namespace

std::string session_text(const Machine& machine, SessionId session) {
  return "s" + std::to_string(session.number) + machine.input().session_suffix;
}

SessionId session_of(const Machine& machine, std::string_view text) {
  SessionId session;
  const std::string_view suffix = machine.input().session_suffix;
  if (!text.starts_with('s') || !text.ends_with(suffix)) return {};
  text.remove_suffix(suffix.size());
  if (text.empty()) return {};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 1, end, session.number);
  return error == std::errc{} && stop == end ? session : SessionId{};
}

void write_holder(Writer& out, Machine& machine, const Holder& holder) {
  out.map(6);
  write_identity(out, machine, holder.session, holder.owner);
  out.text("token");
  holder.token != 0 ? out.unsigned_integer(holder.token) : out.null();
  out.text("since");
  holder.since ? out.real(machine.wall_seconds(*holder.since)) : out.null();
}

void write_more(Writer& out, std::size_t more) {
  out.map(1);
  out.text("more"), out.unsigned_integer(more);
}

void write_holders(Writer& out, Machine& machine, std::span<const Holder> holders) {
  const std::size_t shown = std::min(holders.size(), kListedMax);
  const std::size_t more = holders.size() - shown;
  out.list(static_cast<std::uint32_t>(shown + (more > 0 ? 1 : 0)));
  for (const Holder& holder : holders.first(shown)) write_holder(out, machine, holder);
  if (more > 0) write_more(out, more);
}

void write_session(Writer& out, Machine& machine, SessionId session, std::string_view owner) {
  out.map(4);
  write_identity(out, machine, session, owner);
}

void write_waiting(Writer& out, Machine& machine, const Waiter& waiter) {
  out.map(5);
  write_identity(out, machine, waiter.session, waiter.owner);
  out.text("lock"), out.text(waiter.object->name);
}

std::string format_session(Machine& machine, SessionId id, std::string_view owner) {
  const Session* session = machine.sessions().find(id);
  std::string host = session != nullptr ? session->peer.host : "";
  if (host.empty()) host = "-";
  const std::int64_t pid = session != nullptr ? session->peer.pid : 0;
  std::string text = session_text(machine, id) + " (host " + host + ", pid ";
  text += pid != 0 ? std::to_string(pid) : "-";
  if (!owner.empty()) text.append(", owner ").append(owner);
  return text + ")";
}

Error session_lost(const LostSession* lost, Done done) {
  Error error{Errc::session_lost, "the session has ended and gave back what it had", done, {}};
  if (lost == nullptr) return error;
  std::string packed;
  Writer out{packed};
  out.list(static_cast<std::uint32_t>(lost->released.size()));
  for (const std::string& name : lost->released) out.text(name);
  error.details.push_back({"released", std::move(packed)});
  if (lost->more == 0) return error;
  std::string more;
  Writer{more}.unsigned_integer(lost->more);
  error.details.push_back({"more", std::move(more)});
  return error;
}

}  // namespace agora
