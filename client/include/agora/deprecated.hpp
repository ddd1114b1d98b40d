// SPDX-License-Identifier: MIT

// AGORA_DEPRECATED: marks a name of the API that has a successor.
#pragma once

/// Makes each use of the declaration a compiler warning that names the successor. A deprecated name
/// stays for one minor version. A program that is not ready for the warnings defines
/// AGORA_NO_DEPRECATED before it includes agora.
#ifdef AGORA_NO_DEPRECATED
#define AGORA_DEPRECATED(message)
#else
#define AGORA_DEPRECATED(message) [[deprecated(message)]]
#endif
