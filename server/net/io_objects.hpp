// SPDX-License-Identifier: MIT

// The Asio types of the server's one thread.
//
// They name the executor of io_context. Asio's defaults erase its type (any_io_executor), which
// costs a virtual call and an allocation for each operation.
#pragma once

#include <chrono>

#include <asio/basic_socket_acceptor.hpp>
#include <asio/basic_stream_socket.hpp>
#include <asio/basic_waitable_timer.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>

namespace agora {

using IoExecutor = asio::io_context::executor_type;
/// A connected TCP or Unix socket.
using StreamSocket = asio::basic_stream_socket<asio::generic::stream_protocol, IoExecutor>;
/// A listening TCP or Unix socket.
using ListeningSocket = asio::basic_socket_acceptor<asio::generic::stream_protocol, IoExecutor>;
using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, IoExecutor>;
/// Any other descriptor that can be polled: a pidfd, an eventfd.
using PolledDescriptor = asio::posix::basic_stream_descriptor<IoExecutor>;

}  // namespace agora
