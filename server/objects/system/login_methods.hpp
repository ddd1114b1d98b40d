// SPDX-License-Identifier: MIT

// The handlers of session.challenge, session.login, session.login_token and session.info. Their
// method table is in session_methods.cpp.
#pragma once

#include "server/core/machine/call.hpp"

namespace agora::session_calls {

Outcome challenge(Call& call);
Outcome login(Call& call);
Outcome login_token(Call& call);
Outcome info(Call& call);

}  // namespace agora::session_calls
