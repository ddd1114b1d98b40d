#include "server/net/dialogue.hpp"

#include <algorithm>
#include <vector>

#include "server/core/methods/scalar.hpp"
#include "server/core/state/signature.hpp"
#include "shared/base/ascii.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/msgpack_rpc.hpp"
#include "shared/wire/typed_line.hpp"

namespace agora {
namespace {

// A tag says how its call was written, so that the answer takes the same form; the core only
// hands it back. MessagePack needs nothing else: the rest of the tag is the msgid.
constexpr std::uint64_t kFormMask = std::uint64_t{7} << 61;
constexpr std::uint64_t kMsgpack = 0;
constexpr std::uint64_t kJson = std::uint64_t{1} << 61;
constexpr std::uint64_t kTyped = std::uint64_t{2} << 61;
constexpr std::uint64_t kNoAnswer = std::uint64_t{3} << 61;
/// JSON that was read the short way: the rest of the tag is the id.
constexpr std::uint64_t kQuickJson = std::uint64_t{4} << 61;

/// From this size on a message keeps its place from the read to the object, bytes.
constexpr std::size_t kLargeMessage = std::size_t{16} << 10;

/// At most so much is read at once: what does not leave a near cache before it is looked at.
constexpr std::size_t kReadBytes = std::size_t{256} << 10;

constexpr std::string_view kNotHttp = "This port speaks agora, not HTTP; try telnet.\n";

std::string packed_msgid(std::uint64_t tag) {
  std::string id;
  Writer{id}.unsigned_integer(tag & ~kFormMask);
  return id;
}

}  // namespace

Dialogue::Dialogue(DialogueContext& context, Peer peer)
    : context_(context),
      role_(peer.role),
      link_(context.engine.open(std::move(peer))),
      msgpack_framer_(FrameBounds{context.engine.limits()}),
      line_framer_(context.engine.limits().frame_bytes_max) {}

// ---- input ---------------------------------------------------------------------------------

std::span<char> DialogueContext::room() {
  if (arriving.capacity() == 0) arriving = engine.spare_buffers().take(kReadBytes);
  arriving.reserve(kReadBytes);
  return arriving.room().first(kReadBytes);
}

std::span<char> Dialogue::room() {
  if (!large_message_under_way()) return context_.room();
  make_room(input_.size() + 1);
  const std::span<char> all = input_.room();
  return all.first(std::min({all.size(), large_message_end() - input_.size(), kReadBytes}));
}

void Dialogue::received(std::size_t bytes) {
  if (large_message_under_way()) {
    const bool ascii = is_ascii(input_.room().data(), bytes);  // while it is in a near cache
    input_ascii_ = ascii ? input_ascii_ + bytes : 0;
    input_.grow_by(bytes);
    return proceed();
  }
  context_.arriving.grow_by(bytes);
  receive(context_.arriving.view());
  context_.arriving.clear();
}

void Dialogue::receive(std::string_view bytes) {
  if (closing_) return;
  calls_ = 0;
  if (input_.empty()) {
    // The usual case: whole messages, read where they lie.
    pump(bytes);
    return keep(bytes);
  }
  keep(bytes);
  proceed();
}

/// Puts bytes behind what is left of earlier reads.
void Dialogue::keep(std::string_view bytes) {
  if (bytes.empty()) return;
  make_room(input_.size() + bytes.size());
  input_.append(bytes);
  input_ascii_ = 0;
}

/// Where a large message that is under way ends in the input; 0: none is.
std::size_t Dialogue::large_message_end() const {
  const std::size_t announced = msgpack_framer_.announced_bytes();
  return announced >= kLargeMessage ? input_begin_ + announced : 0;
}

/// For a large message there is room for all of it at once, so that it is not moved as it grows;
/// memory that is not written to costs nothing. What a peer only announces is clamp_token in part.
void Dialogue::make_room(std::size_t held) {
  constexpr std::size_t kAheadMax = std::size_t{8} << 20;
  const std::size_t wanted = std::min(large_message_end(), held + std::max(held, kAheadMax));
  if (wanted <= input_.capacity()) return;
  RawBytes larger = context_.engine.spare_buffers().take(wanted);
  larger.reserve(wanted);
  larger.append(input_.view());
  input_ = std::move(larger);
}

void Dialogue::proceed() {
  calls_ = 0;
  std::string_view rest = input_.view().substr(input_begin_);
  pump(rest);
  input_begin_ = input_.size() - rest.size();
  if (rest.empty()) {
    input_ = {};  // an idle connection keeps nothing
    input_begin_ = input_ascii_ = 0;
  } else if (input_begin_ > input_.size() / 2) {
    input_.drop_front(input_begin_);
    input_begin_ = 0;
  }
}

void Dialogue::pump(std::string_view& rest) {
  const std::size_t most = context_.engine.limits().turn_calls_max;
  while (calls_ < most && !closing_ && !full() && !unsettled_ && step(rest)) {
    if (++taken_ >= share_) settle_share();
  }
  backlog_ = !closing_ && !rest.empty() && (calls_ >= most || full() || unsettled_);
  if (closing_) rest = {};
  if (input_ended_ && !backlog_) finish_input();
}

void Dialogue::settle_share() {
  taken_ = 0;
  share_ = std::min(share_ * 2, context_.engine.limits().turn_calls_max);
  settle();
}

void Dialogue::weigh_answer(std::size_t bytes) {
  constexpr std::size_t kLarge = 64 * 1024;
  if (bytes > kLarge) share_ = 1;
}

bool Dialogue::step(std::string_view& rest) {
  if (rest.empty()) return false;
  switch (wire_) {
    case Wire::undecided:
      return decide(rest);
    case Wire::msgpack:
      return step_msgpack(rest);
    case Wire::text:
      return step_text(rest);
    case Wire::http:
    case Wire::tls:
    case Wire::nothing:
      break;
  }
  return false;
}

bool Dialogue::decide(std::string_view& rest) {
  const Sniffer::Verdict verdict = sniffer_.feed(rest);
  rest.remove_prefix(verdict.skipped);
  wire_ = verdict.wire;
  if (wire_ == Wire::http) refuse_http();
  if (wire_ == Wire::tls || wire_ == Wire::nothing) close();
  return wire_ != Wire::undecided && !closing_;
}

void Dialogue::refuse_http() {
  output_.bytes()
      .append("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: ")
      .append(std::to_string(kNotHttp.size()))
      .append("\r\nConnection: close\r\n\r\n")
      .append(kNotHttp);
  close();
}

/// The buffer whose last message ends there: it can be given away.
RawBytes* Dialogue::buffer_ending_at(const char* end) {
  RawBytes& buffer = input_.empty() ? context_.arriving : input_;
  const std::string_view held = buffer.view();
  return !held.empty() && held.data() + held.size() == end ? &buffer : nullptr;
}

/// A call of the usual kind, whole and in the buffer; false: look at it properly.
bool Dialogue::try_fast_path(std::string_view& rest) {
  SimpleCall& quick = context_.quick;
  if (!read_simple_call(rest, quick, std::min(input_ascii_, rest.size()))) return false;
  if (quick.frame_bytes > context_.engine.limits().frame_bytes_max) return false;
  ++calls_;
  CallRequest call = request(kMsgpack | quick.id, Numbering::low_bits, quick.id, quick.method);
  call.positional = quick.params();
  if (quick.frame_bytes >= kLargeMessage) {
    call.message = buffer_ending_at(rest.data() + quick.frame_bytes);
  }
  if (auto taken = context_.engine.call(call); !taken) {
    settle();
    encode_msgpack_error(PackedView{packed_msgid(quick.id)}, taken.error(), output_.bytes());
  }
  rest.remove_prefix(quick.frame_bytes);
  return true;
}

bool Dialogue::step_msgpack(std::string_view& rest) {
  const bool at_begin = msgpack_framer_.at_begin();
  if (at_begin && try_fast_path(rest)) return true;
  const FrameStatus status = msgpack_framer_.scan(rest);
  if (status == FrameStatus::need_more) return false;
  if (status == FrameStatus::broken) {
    const std::string id = packed_msgid(msgid_of(rest));
    settle();
    encode_msgpack_error(PackedView{id}, msgpack_framer_.error(), output_.bytes());
    close();
    return false;
  }
  if (!at_begin && try_fast_path(rest)) return true;  // it came in pieces
  const std::string_view frame = rest.substr(0, msgpack_framer_.frame_bytes());
  ++calls_;
  context_.scratch.clear();
  Message message = decode_msgpack_call(frame, context_.engine.limits(), context_.scratch);
  const PackedView id = message.request.id;
  if (message.refusal) {
    context_.engine.heartbeat(link_);
    settle();
    if (id.present()) encode_msgpack_error(id, *message.refusal, output_.bytes());
    if (message.close) close();
  } else {
    Token number;
    Reader reader{id};
    if (id.present()) static_cast<void>(reader.next(number));
    const std::uint64_t tag = id.present() ? kMsgpack | number.natural : kNoAnswer;
    const Numbering numbering = id.present() ? Numbering::low_bits : Numbering::notification;
    auto taken = submit(message.request, tag, numbering, number.natural);
    if (!taken && id.present()) {
      settle();
      encode_msgpack_error(id, taken.error(), output_.bytes());
    }
  }
  rest.remove_prefix(frame.size());
  return true;
}

bool Dialogue::step_text(std::string_view& rest) {
  const FrameStatus status = line_framer_.scan(rest);
  if (status == FrameStatus::need_more) {
    if (!input_ended_) return false;
    const std::string_view last = rest;  // a last line without its end is a line
    rest = {};
    line(last);
    return true;
  }
  if (status == FrameStatus::broken) {
    settle();
    if (is_json_line(rest.substr(0, 64))) {
      encode_json_error(kNullValue, line_framer_.error(), output_.bytes());
    } else {
      encode_typed_error(line_framer_.error(), output_.bytes());
    }
    output_.bytes() += '\n';
    close();
    return false;
  }
  const std::string_view text = line_framer_.line();
  const std::size_t length = line_framer_.frame_bytes();
  ++calls_;
  line(text);
  rest.remove_prefix(length);
  return true;
}

void Dialogue::line(std::string_view text) {
  if (text.empty()) return typed_line(text);
  if (std::exchange(first_line_, false) && is_http_line(text)) return refuse_http();
  spoke_json_ = is_json_line(text);
  spoke_json_ ? json_line(text) : typed_line(text);
}

void Dialogue::end_of_input() {
  if (closing_) return;
  input_ended_ = true;
  proceed();
}

void Dialogue::finish_input() {
  if (closing_ || unsettled_) return;
  if (typed_lines_.empty()) return close();
  // Whoever typed them has left: the line that waits gives way to those behind it. Its answer
  // brings us back here.
  if (typed_tag_ != 0) context_.engine.cancel(link_, typed_tag_);
}

void Dialogue::close() {
  if (closing_) return;
  closing_ = true;
  context_.engine.close(link_);
}

void Dialogue::abandon() { close(); }

CallRequest Dialogue::request(std::uint64_t tag, Numbering numbering, std::uint64_t number,
                              std::string_view method) const {
  CallRequest call;
  call.link = link_;
  call.tag = tag;
  call.numbering = numbering;
  call.number = number;
  call.only_harmless = only_harmless_;
  call.role = role_;
  call.method = method;
  return call;
}

Expected<void> Dialogue::submit(const Request& words, std::uint64_t tag, Numbering numbering,
                                std::uint64_t number) {
  CallRequest call = request(tag, numbering, number, words.method);
  call.params = words.params;
  call.options = words.options;
  return context_.engine.call(call);
}

// ---- JSON ----------------------------------------------------------------------------------

/// A call of the usual kind; false: look at it properly.
bool Dialogue::quick_json_line(std::string_view text) {
  JsonSimpleCall& quick = context_.quick_json;
  if (!read_json_simple_call(text, quick, context_.scratch)) return false;
  CallRequest call = request(kQuickJson | quick.id, Numbering::whole, quick.id, quick.method);
  call.positional = quick.params();
  if (auto taken = context_.engine.call(call); !taken) {
    settle();
    answer_quick_json(call.tag, {}, &taken.error());
  }
  return true;
}

void Dialogue::answer_quick_json(std::uint64_t tag, PackedView result, const Error* error) {
  const std::uint64_t id = tag & ~kFormMask;
  if (error == nullptr) {
    encode_json_reply(id, result, output_.bytes());
  } else {
    std::string packed;
    Writer{packed}.unsigned_integer(id);
    encode_json_error(PackedView{packed}, *error, output_.bytes());
  }
  output_.bytes() += '\n';
}

void Dialogue::json_line(std::string_view text) {
  if (quick_json_line(text)) return;
  const JsonRpcDecoder::Result calls = context_.json.decode(text);
  std::uint64_t batch = 0;
  if (calls.batch) {
    batch = ++last_tag_;
    json_batches_[batch].awaited = 1;  // this line itself, until all its calls are in
    calls_ += calls.messages.size() - 1;
  }
  for (Message& message : calls.messages) json_message(message, batch);
  if (calls.batch) finish_batch(batch);
}

void Dialogue::json_message(Message& message, std::uint64_t batch) {
  const Request& request = message.request;
  JsonCall call{request.id.present() ? Packed{request.id} : Packed{}, batch};
  if (request.id.present() && batch != 0) ++json_batches_[batch].awaited;
  if (message.refusal) {
    context_.engine.heartbeat(link_);
    settle();
    if (request.id.present()) answer_json(call, {}, message.refusal.get());
    return;
  }
  const std::uint64_t number = ++last_tag_;
  const std::uint64_t tag = request.id.present() ? kJson | number : kNoAnswer;
  Numbering numbering = Numbering::notification;
  std::uint64_t id = 0;
  if (request.id.present()) {
    const Token token = read(request.id);
    const bool natural = token.kind == Kind::integer && !token.negative;
    numbering = natural ? Numbering::whole : Numbering::unusable;
    id = natural ? token.natural : 0;
  }
  auto taken = submit(request, tag, numbering, id);
  if (!request.id.present()) return;
  if (!taken) {
    settle();
    return answer_json(call, {}, &taken.error());
  }
  json_calls_.emplace(number, std::move(call));
}

void Dialogue::answer_json(const JsonCall& call, PackedView result, const Error* error) {
  std::string& out = call.batch == 0 ? output_.bytes() : json_batches_[call.batch].answers;
  if (call.batch != 0 && !out.empty()) out += ',';
  error != nullptr ? encode_json_error(call.id, *error, out)
                   : encode_json_reply(call.id, result, out);
  if (call.batch == 0) {
    out += '\n';
  } else {
    finish_batch(call.batch);
  }
}

void Dialogue::finish_batch(std::uint64_t batch) {
  const auto it = json_batches_.find(batch);
  if (--it->second.awaited > 0) return;
  // A batch of notifications only is answered by nothing at all.
  if (!it->second.answers.empty()) {
    output_.bytes().append(1, '[').append(it->second.answers).append("]\n");
  }
  json_batches_.erase(it);
}

// ---- typed lines ---------------------------------------------------------------------------

void Dialogue::typed_line(std::string_view text) {
  if (typed_tag_ == 0) return run_typed(text);
  if (typed_method(text).empty()) return context_.engine.cancel(link_, typed_tag_);
  const std::size_t most = context_.engine.limits().typed_lines_max;
  if (typed_refused_ > 0 || typed_lines_.size() >= most) {
    ++typed_refused_;  // answered when it would be its turn
    return;
  }
  typed_lines_.emplace_back(text);
}

void Dialogue::run_typed(std::string_view text) {
  const std::string_view method = typed_method(text);
  if (method.empty()) return;
  if (method == "quit") return close();
  const MethodRef* ref = context_.engine.machine().catalogue().find(method);
  std::vector<ParameterHint> hints;
  MethodHint hint;
  for (std::size_t i = 0; ref != nullptr && i < parameter_count(*ref); ++i) {
    const Parameter& parameter = parameter_at(*ref, i);
    const bool is_text = parameter.kind == ParamKind::text || parameter.kind == ParamKind::name;
    hints.push_back({parameter.name, is_text});
    hint.free_options = hint.free_options || parameter.name == "options";
  }
  hint.parameters = hints;
  auto request = decode_typed_line(text, hint, context_.engine.limits(), context_.typed_scratch);
  if (!request) {
    context_.engine.heartbeat(link_);
    settle();
    return answer_typed({}, &request.error());
  }
  const std::uint64_t number = ++last_tag_;
  if (auto taken = submit(*request, kTyped | number, Numbering::none, 0); !taken) {
    settle();
    return answer_typed({}, &taken.error());
  }
  typed_tag_ = kTyped | number;
  typed_help_ = method == "help";
  unsettled_ = true;
  settle();
}

void Dialogue::answer_typed(PackedView result, const Error* error) {
  std::string& out = output_.bytes();
  if (error != nullptr) {
    encode_typed_error(*error, out);
  } else if (typed_help_ && result.kind() == Kind::text) {
    Token text;
    Reader reader{result};
    static_cast<void>(reader.next(text));
    out += text.body;
  } else {
    encode_typed_result(result, out);
  }
  out += '\n';
}

void Dialogue::refuse_typed() {
  const std::size_t most = context_.engine.limits().typed_lines_max;
  const Error error{Errc::overloaded,
                    std::to_string(most) + " lines already waited behind one that had no answer",
                    Done::no,
                    {}};
  for (; typed_refused_ > 0; --typed_refused_) answer_typed({}, &error);
}

void Dialogue::next_typed() {
  typed_tag_ = 0;
  unsettled_ = false;
  while (typed_tag_ == 0 && !typed_lines_.empty() && !closing_) {
    const std::string text = std::move(typed_lines_.front());
    typed_lines_.pop_front();
    run_typed(text);
  }
  if (typed_tag_ == 0 && !closing_) refuse_typed();
  if (input_ended_ && !backlog_) finish_input();
}

// ---- answers -------------------------------------------------------------------------------

void Dialogue::deliver(const Effect& effect, const Effects& effects) {
  if (effect.kind == Effect::Kind::link_closed) {
    closing_ = ended_ = true;
    return;
  }
  if (cut_off_) return;
  if (effect.kind == Effect::Kind::notice) {
    return notice(effects.result(effect), effect.tag == kCatchingUp);
  }
  const std::uint64_t form = effect.tag & kFormMask;
  if (effect.kind == Effect::Kind::parked) {
    if (effect.tag != typed_tag_) return;
    unsettled_ = false;
    if (input_ended_ && !backlog_) finish_input();
    return;
  }
  if (form == kMsgpack) return answer_msgpack(effect.tag, effect, effects);
  const bool failed = effect.kind == Effect::Kind::failure;
  const PackedView result = failed ? PackedView{} : effects.result(effect);
  weigh_answer(result.size());
  if (form == kTyped) {
    answer_typed(result, effect.error.get());
    return next_typed();
  }
  if (form == kQuickJson) return answer_quick_json(effect.tag, result, effect.error.get());
  if (form != kJson) return;
  const auto it = json_calls_.find(effect.tag & ~kFormMask);
  if (it == json_calls_.end()) return;
  const JsonCall call = std::move(it->second);
  json_calls_.erase(it);
  answer_json(call, result, effect.error.get());
}

void Dialogue::notice(PackedView params, bool catching_up) {
  if (closing_) return;
  // Whoever does not read what it wanted to hear must not fill the server.
  if (full() && !catching_up) return cut_off();
  if (wire_ == Wire::msgpack) {
    encode_msgpack_notice(params, output_.bytes());
  } else {
    encode_json_notice(params, output_.bytes());
    output_.bytes() += '\n';
  }
}

/// One last message says why. An opened session loses nothing by it: it resumes and catches up.
void Dialogue::cut_off() {
  cut_off_ = true;
  const Error error{Errc::overloaded,
                    "more than " + std::to_string(context_.engine.limits().output_bytes_max) +
                        " bytes of output were not read; the connection is closed before the next "
                        "notice, an opened session may resume",
                    Done::no,
                    {}};
  if (wire_ == Wire::msgpack) {
    encode_msgpack_error(PackedView{packed_msgid(0)}, error, output_.bytes());
  } else if (spoke_json_) {
    encode_json_error(kNullValue, error, output_.bytes());
    output_.bytes() += '\n';
  } else {
    encode_typed_error(error, output_.bytes());
    output_.bytes() += '\n';
  }
  close();
}

void Dialogue::answer_msgpack(std::uint64_t tag, const Effect& effect, const Effects& effects) {
  if (effect.error) {
    return encode_msgpack_error(PackedView{packed_msgid(tag)}, *effect.error, output_.bytes());
  }
  // The value itself: copied, or shared if it is large.
  encode_msgpack_reply_head(static_cast<std::uint32_t>(tag & ~kFormMask), output_.bytes());
  if (effect.blob.view().present()) {
    weigh_answer(effect.blob.view().size());
    return output_.append(effect.blob);
  }
  weigh_answer(effect.length);
  output_.bytes() += effects.result(effect).bytes();
}

}  // namespace agora
