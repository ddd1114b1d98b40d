// Ring link: the bytes of a session go through memory that the server shares; the socket is the
// bell.
#pragma once

#include <functional>
#include <memory>

#include "server/net/descriptor.hpp"
#include "tests/conformance/link.hpp"
#include "tests/conformance/speaker.hpp"

namespace agora::test {

/// Asks for a ring in the speaker's form, and goes over to it.
/// @param socket  newly connected to the Unix socket of a server that shares memory
/// @param work  lets that server answer
/// @throws std::runtime_error  there was no ring.
std::unique_ptr<Link> ring_link(Descriptor socket, Speaker& speaker,
                                const std::function<void()>& work);

}  // namespace agora::test
