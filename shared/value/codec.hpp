// Everything to turn C++ types into values and back: pack(), unpack() and the codecs of the
// standard types. Codec<T> itself, and how to write one, is in codec_core.hpp.
#pragma once

#include "shared/value/codec_chrono.hpp"
#include "shared/value/codec_containers.hpp"
#include "shared/value/codec_core.hpp"
#include "shared/value/codec_scalars.hpp"
