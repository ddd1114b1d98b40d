// SPDX-License-Identifier: MIT

// Converts C++ types to values and back: pack(), unpack() and the codecs of the standard types.
// codec_core.hpp has Codec<T> itself, and how to write one.
#pragma once

#include "shared/value/codec_chrono.hpp"
#include "shared/value/codec_containers.hpp"
#include "shared/value/codec_core.hpp"
#include "shared/value/codec_scalars.hpp"
