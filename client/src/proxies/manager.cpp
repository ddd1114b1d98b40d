// SPDX-License-Identifier: MIT

#include <cstdio>
#include <map>
#include <utility>

#include <agora/manager.hpp>

#include "client/src/client/client.hpp"
#include "client/src/client/holds.hpp"
#include "client/src/server/private_server.hpp"

namespace agora {
namespace {

std::shared_ptr<detail::Client> connected(std::string_view address, manager_options options,
                                          std::function<bool()> server_gone = {}) {
  auto parsed = detail::parse_addresses(address);
  if (!parsed) throw_error(std::move(parsed.error()));
  for (detail::Address& each : *parsed) each.peer_uid = options.peer_uid;
  if (options.insecure_skip_verify) {
    std::fputs("agora: warning: insecure_skip_verify accepts any certificate of the server\n",
               stderr);
  }
  auto client = std::make_shared<detail::Client>(std::string(address), std::move(*parsed),
                                                 std::move(options), std::move(server_gone));
  auto first = client->connect();
  if (!first) throw_error(std::move(first.error()));
  return client;
}

detail::Call with_params(const detail::Method& method, const detail::Params& params) {
  detail::Call call = call_of(method);
  return call.with(params);
}

detail::Params creation_params(std::string_view type, std::string_view name,
                               const detail::Params& arguments, const detail::Params& options) {
  detail::Params params = detail::params_of(type);
  Writer writer(params.bytes);
  if (name.empty()) {
    writer.null();
  } else {
    writer.text(name);
  }
  writer.list(arguments.count);
  params.bytes += arguments.bytes;
  writer.map(options.count);
  params.bytes += options.bytes;
  params.count = 4;
  return params;
}

object_info info_of(const std::map<std::string, any>& members) {
  const auto member = [&](const char* name) {
    const auto found = members.find(name);
    return found == members.end() ? any() : found->second;
  };
  return {member("name").if_is<std::string>().value_or(""),
          member("type").if_is<std::string>().value_or(""),
          member("version").if_is<std::uint64_t>().value_or(0)};
}

}  // namespace

manager::manager(manager_options options)
    : private_server_(detail::PrivateServer::start(options.connect_timeout)),
      client_(connected(private_server_->address(), std::move(options),
                        // Proxies keep the client beyond the last manager, whose destructor ends
                        // the server. So this holds no strong reference.
                        [server = std::weak_ptr(private_server_)] {
                          const auto still = server.lock();
                          return !still || still->gone();
                        })) {}

manager::manager(std::string_view address, manager_options options)
    : client_(connected(address, std::move(options))) {}

const std::string& manager::address() const { return client_->address_text(); }

std::string_view manager::transport() const {
  return client_->mapped() != 0 ? "shared memory" : client_->address().transport();
}

detail::Reply manager::call_packed(std::string_view method, const detail::Params& params) const {
  auto reply = client_->call(with_params(detail::find_method(method), params));
  if (!reply) throw_error(std::move(reply.error()));
  return reply;
}

detail::ObjectHandle manager::server_handle() const { return {client_, {}, 0}; }

agora::pipeline manager::pipeline() const { return agora::pipeline(client_); }

detail::ObjectHandle manager::create(std::string_view type, std::string_view name,
                                     const detail::Params& arguments,
                                     const detail::Params& options) const {
  return created(client_->call(with_params(detail::methods::object_create,
                                           creation_params(type, name, arguments, options))));
}

std::pair<detail::ObjectHandle, bool> manager::create_or_open(std::string_view type,
                                                              std::string_view name,
                                                              const detail::Params& arguments,
                                                              const detail::Params& options) const {
  detail::Params new_only = options;
  new_only.add("exist_ok");
  new_only.add(false);
  new_only.count = options.count + 1;  // pairs
  const detail::Params params = creation_params(type, name, arguments, new_only);
  auto reply = client_->call(with_params(detail::methods::object_create, params));
  if (!reply && reply.error().code == Errc::exists) {
    return {create(type, name, arguments, options), false};
  }
  return {created(std::move(reply)), true};
}

detail::ObjectHandle manager::created(detail::Reply reply) const {
  if (!reply) throw_error(std::move(reply.error()));
  auto made = unpack<reference>(*reply);
  if (!made) detail::throw_mismatch(detail::methods::object_create.name, {}, made.failure());
  // The reply came with a hold on an anonymous object.
  return {client_, std::move(made->name), reply.session, std::move(reply.keep)};
}

detail::ObjectHandle manager::open(const reference& object) const {
  if (!object.name.starts_with('#')) return {client_, object.name, 0};
  const auto* holds = dynamic_cast<const detail::Holds*>(object.keep.get());
  if (holds != nullptr && &holds->client() == client_.get()) {
    return {client_, object.name, holds->session(), object.keep};
  }
  detail::ObjectHandle handle(client_, object.name, 0);
  // The call acquires the hold at once: the object might be gone at its first use.
  const detail::Params params = detail::params_of(object.name);
  auto there = handle.call(with_params(detail::methods::object_exists, params));
  if (!there) throw_error(std::move(there.error()));
  return handle;
}

condition_variable manager::with_its_lock(detail::ObjectHandle handle) const {
  auto info = call<std::map<std::string, any>>(detail::methods::object_info.name, handle.name());
  auto options = info["options"].get<std::map<std::string, any>>();
  if (!options)
    detail::throw_mismatch(detail::methods::object_info.name, handle.name(), options.failure());
  auto lock = (*options)["lock"].get<reference>();
  if (!lock)
    detail::throw_mismatch(detail::methods::object_info.name, handle.name(), lock.failure());
  return {std::move(handle), rlock(*lock)};
}

condition_variable manager::condition(std::string_view name) const {
  return with_its_lock(create("condition", name));
}

condition_variable manager::condition(std::string_view name, const recursive_mutex& lock) const {
  detail::Params options = detail::params_of("lock", lock);
  options.count = 1;
  return with_its_lock(create("condition", name, {}, options));
}

condition_variable manager::condition(const reference& object) const {
  return with_its_lock(open(object));
}

detail::Params manager::packed(const queue_options& options) {
  constexpr std::string_view kOrders[] = {"fifo", "lifo", "priority"};
  detail::Params params = detail::params_of("maxsize", options.maxsize, "order",
                                            kOrders[static_cast<std::size_t>(options.order)],
                                            "max_deliveries", options.max_deliveries);
  params.count = 3;
  return params;
}

detail::Params manager::packed(const lock_options& options) {
  if (options.on_owner_death == on_owner_death::report) return {};
  detail::Params params = detail::params_of("on_owner_death", "break");
  params.count = 1;
  return params;
}

detail::Params manager::packed(const semaphore_options& options) {
  detail::Params params = detail::params_of("bound", options.bound, "owned", options.owned);
  params.count = 2;
  return params;
}

detail::Params manager::packed(const number_options& options, bool number, bool integer) {
  detail::Params params;
  if (number && options.local) params.add("local"), params.add(true);
  if (integer) params.add("wrap"), params.add(true);  // as std::atomic does
  params.count /= 2;                                  // pairs
  return params;
}

bool manager::ping() const { return call<std::string>(detail::methods::ping.name) == "pong"; }

std::vector<object_info> manager::objects(std::string_view pattern) const {
  std::vector<object_info> all;
  any cursor;
  do {
    auto page =
        call<std::map<std::string, any>>(detail::methods::object_list.name, pattern, any(), cursor);
    auto items = page["items"].get<std::vector<std::map<std::string, any>>>();
    if (!items) detail::throw_mismatch(detail::methods::object_list.name, {}, items.failure());
    for (const auto& members : *items) all.push_back(info_of(members));
    cursor = page["cursor"];
  } while (!cursor.is_null());
  return all;
}

}  // namespace agora
