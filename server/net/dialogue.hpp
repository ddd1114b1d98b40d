// Dialogue: one connection's talk without its socket. Bytes in, calls to the engine; answers back,
// bytes out. Decides by the first byte what the peer speaks; never blocks, never reads ahead of
// its limits. Everything that can be tested about the wires is tested here, byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "server/engine/engine.hpp"
#include "server/net/output.hpp"
#include "shared/wire/framing.hpp"
#include "shared/wire/json_fast_path.hpp"
#include "shared/wire/json_rpc.hpp"
#include "shared/wire/msgpack_fast_path.hpp"
#include "shared/wire/sniff.hpp"

namespace agora {

/// What all dialogues of a server share: the engine, and buffers that are free between messages.
struct DialogueContext {
  explicit DialogueContext(Engine& the_engine) : engine(the_engine), json(the_engine.limits()) {}
  /// Room for one read.
  std::span<char> room();

  Engine& engine;
  JsonRpcDecoder json;
  RawBytes arriving;          ///< what one read has brought; no room: a batch has taken it over
  std::string scratch;        ///< one MessagePack message's values, or one JSON line's
  SimpleCall quick;           ///< the call that is being read; its arrays are not cleared each time
  JsonSimpleCall quick_json;  ///< the same in JSON
  std::string typed_scratch;  ///< one typed line's; apart, since a turn may run typed lines
};

class Dialogue {
 public:
  Dialogue(DialogueContext& context, Peer peer);

  LinkId link() const { return link_; }

  /// Where the next bytes are to be read to: behind what is held of a large message that is under
  /// way, and no further than its end; else where the context has room. Good until any dialogue of
  /// the context is used again.
  std::span<char> room();
  /// A part of one is held, and it is read to its place.
  bool large_message_under_way() const { return !closing_ && large_message_end() > input_.size(); }
  /// So many bytes, at least one, were read to room(): takes them in, as receive() does.
  void received(std::size_t bytes);
  /// Takes what was read. At most Limits::turn_calls_max calls go to the engine; what is left
  /// stays for proceed().
  void receive(std::string_view bytes);
  /// Goes on with what was left, another turn's worth.
  void proceed();
  /// True if proceed() may have something to do: the turn's share was used up.
  bool has_backlog() const { return backlog_ && !full() && !closing_ && !unsettled_; }

  /// The peer sends no more: what was received is run, what waits is given up, then the session
  /// ends.
  void end_of_input();
  /// The connection is gone: a plain session ends at once, an opened one is cut off.
  void abandon();
  /// The peer's process is dead: of what is still read, calls that would wait or hand something
  /// out are dropped.
  void only_harmless() { only_harmless_ = true; }

  /// Takes an effect of this connection.
  void deliver(const Effect& effect, const Effects& effects);

  Output& output() { return output_; }
  /// More output than a connection may pile up: do not read on.
  bool full() const { return output_.size() > context_.engine.limits().output_bytes_max; }
  /// Nothing more will be read; close once the output is sent and the core has let go of it.
  bool closing() const { return closing_; }
  bool ended() const { return ended_; }

 private:
  struct JsonCall {
    Packed id;
    std::uint64_t batch = 0;  ///< 0: alone
  };
  struct JsonBatch {
    std::size_t awaited = 0;
    std::string answers;
  };

  void pump(std::string_view& rest);
  bool step(std::string_view& rest);
  bool decide(std::string_view& rest);
  bool step_msgpack(std::string_view& rest);
  bool try_fast_path(std::string_view& rest);
  RawBytes* buffer_ending_at(const char* end);
  void keep(std::string_view bytes);
  void make_room(std::size_t held);
  std::size_t large_message_end() const;
  bool step_text(std::string_view& rest);
  void refuse_http();
  void line(std::string_view text);
  bool quick_json_line(std::string_view text);
  void json_line(std::string_view text);
  void json_message(Message& message, std::uint64_t batch);
  void typed_line(std::string_view text);
  void run_typed(std::string_view text);
  void next_typed();
  void refuse_typed();
  void settle_share();
  void weigh_answer(std::size_t bytes);
  void finish_input();
  void close();

  /// Has what was taken in answered first, so that answers keep the order of the calls.
  void settle() { context_.engine.turn(); }
  CallRequest request(std::uint64_t tag, Numbering numbering, std::uint64_t number,
                      std::string_view method) const;
  Expected<void> submit(const Request& words, std::uint64_t tag, Numbering numbering,
                        std::uint64_t number);
  void notice(PackedView params, bool catching_up);
  void cut_off();
  void answer_quick_json(std::uint64_t tag, PackedView result, const Error* error);
  void answer_json(const JsonCall& call, PackedView result, const Error* error);
  void finish_batch(std::uint64_t batch);
  void answer_typed(PackedView result, const Error* error);
  void answer_msgpack(std::uint64_t tag, const Effect& effect, const Effects& effects);

  DialogueContext& context_;
  Role role_;
  LinkId link_;
  Sniffer sniffer_;
  Wire wire_ = Wire::undecided;
  MsgpackFramer msgpack_framer_;
  LineFramer line_framer_;
  bool first_line_ = true;
  bool spoke_json_ = false;  // the last line was no typed one
  RawBytes input_;           // what is left of earlier reads
  std::size_t input_begin_ = 0;
  std::size_t input_ascii_ = 0;  // so many bytes at its end are known to be ASCII
  std::size_t calls_ = 0;        // in this turn
  // Calls taken in before their answers are awaited: many, while answers are small; one by one
  // after a large one, so that no more than a bound of output piles up.
  std::size_t share_ = 1;
  std::size_t taken_ = 0;  // of that share
  bool backlog_ = false;
  bool input_ended_ = false;
  bool closing_ = false;
  bool ended_ = false;
  bool cut_off_ = false;  // nothing more is said
  bool only_harmless_ = false;

  std::uint64_t last_tag_ = 0;
  std::map<std::uint64_t, JsonCall> json_calls_;
  std::map<std::uint64_t, JsonBatch> json_batches_;
  std::deque<std::string> typed_lines_;  // held back by one that waits
  std::size_t typed_refused_ = 0;        // lines behind those: too many to be kept
  std::uint64_t typed_tag_ = 0;          // of the typed call that has no answer yet; 0: none
  bool unsettled_ = false;               // not known yet whether that call waits
  bool typed_help_ = false;              // its answer is shown as text

  Output output_;
};

}  // namespace agora
