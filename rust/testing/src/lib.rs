//! The Rust functions that the tests in `test/` call, with one file for each property.

/// Functions that give their argument back.
macro_rules! round_trips {
    ($($name:ident: $type:ty;)*) => { $(
        /// There and back.
        #[lwt_rust::func]
        pub(crate) fn $name(value: $type) -> $type {
            value
        }
    )* };
}

mod beside;
mod block_on;
mod bound;
mod calls;
mod cancellation;
mod closures;
mod conditions;
mod domains;
mod errors;
mod few;
mod foreign;
mod functions;
mod instrumented;
mod io;
mod logged;
mod made;
mod names;
mod objects;
mod observed;
mod own;
mod process;
mod registered;
mod shared;
mod sinks;
mod spawned;
mod steps;
mod streams;
mod threads;
mod types;
mod values;
mod waits;

// The archive of a program contains the stubs of `Lwt_rust` too.
pub use lwt_rust::*;
// OCaml has a module of its own for each of these crates.
pub use lwt_rust_facade;
pub use lwt_rust_optional;
pub use lwt_rust_renamed;
pub use lwt_rust_through;

use beside as x;
use block_on as b;
use bound as o;
use calls as k;
use cancellation as c;
use closures as l;
use domains as d;
use errors as e;
use few as g;
use functions as f;
use io as i;
use names as n;
use own as r;
use process as p;
use shared as h;
use sinks as u;
use spawned as q;
use steps as s;
use streams as m;
use threads as t;
use types as y;
use values as v;
use waits as w;

lwt_rust::library! {
    #![doc = "The functions of `rust/testing/src/functions.rs`."]
    f::add, f::divide, f::panic_directly,
    f::later, f::fail_if, f::root, f::root_now,
    f::sum_blocking, f::panic_blocking, f::finish, f::finished,
    f::seven, f::sum_seven,
    n::free, n::first::pick, n::last::pick, n::pick_bytecode, n::stub, n::value_0, n::is_registered,
    f::echo_unit, f::echo_bool, f::echo_i8, f::echo_i16, f::echo_i32, f::echo_i64, f::echo_isize, f::echo_u8, f::echo_u16, f::echo_u32, f::echo_u64,
    f::echo_usize, f::echo_f64, f::echo_f32, f::echo_duration, f::echo_char, f::echo_uchar, f::echo_string, f::echo_boxed_str, f::echo_path,
    f::echo_string_of_bytes, f::echo_bytes, f::echo_option, f::echo_pair, f::echo_eight, f::echo_list, f::echo_nested,
    f::echo_array, f::echo_strings, f::echo_floats, f::echo_metres, f::echo_three, f::echo_sorted, f::echo_hashed,
    f::echo_point, f::echo_person, f::echo_named, f::echo_nothing, f::echo_figure, f::echo_figures, f::echo_colour, f::echo_seek,
    f::echo_poly, f::echo_polys,
    f::echo_result, f::drop_on_tokio, f::figure_later, f::swap_later, f::swap,
    c::hold_little, c::hold_much, c::call_at_once_and_wait,
    f::map, f::feed, f::feed_from_pool, f::apply, f::iterate, f::both,
    f::counter, f::counters, f::other, f::next, f::close,
    f::reverse, f::buffer, f::copy_buffer, f::copy_buffer_in_parts, f::copy_string,
    o::stays, o::stays_protected, o::stays_with, o::moves, o::hold_on_thread, o::hold_anywhere, o::dropped, o::spawn_and_wait, o::spawn_at_end, o::spawned_at_end, o::wait_for_notice, o::give_notice, o::stays_in_doubt, o::lengths_of, o::sum_down,
    d::keep_handle, d::spawn_in_kept,
    w::double, w::call_the_given, w::await_the_given, w::spin_and_yield, w::drop_after_signal, w::await_elsewhere, w::drop_elsewhere, w::await_in_another_task, w::await_through_another_waker, w::wake_the_gone, w::call_runnable,
    q::spawn_and_return, q::keep_tasks, q::tasks_without_an_error, q::spawn_from_a_thread, q::tasks_run, q::spawn_from_tokio, q::spawn_local_wrongly, q::await_all_kinds, q::call_in_a_task, q::call_in_a_poll, q::wait_for_notice_of_call, q::notify_and_call, q::sleep_and_return, q::sleep_in_a_task, q::spawn_from_elsewhere, q::call_in_the_background, q::left, q::leave_to_wakers, q::drop_results_that_panic, q::call_when_cancelled, q::play, q::await_from_a_thread,
    s::ready_steps, s::steps_and_closure, s::give_up, s::give_up_on_tokio, s::call_when_dropped, s::call_from_a_task, s::call_both,
    t::meet_blocked, t::drop_blocking, t::detach_blocking, t::is_blocking_abandoned, t::fail_as_tokio, t::call_in_other_runtime,
    t::allocated, t::trim,
    p::fragile, p::start_process, p::start_process_now, p::limit, p::block,
    p::call_in_background, p::has_tokio, p::lengths,
    p::connection, p::closed, p::set_handler, p::handled, p::next_signal,
    p::replace_panic_hook, p::extend_panic_hook, p::panic_hook_calls,
    g::set_most_slots, g::call_many, g::spawn_many, g::spawn_many_elsewhere, g::call_many_elsewhere,
    b::block_on_now, b::block_on_portable, b::block_on_several, b::await_several, b::block_on_later, b::block_on_task, b::block_on_locked, b::block_on_elsewhere, b::block_on_pool,
    b::keep_closure, b::block_on_kept,
    b::poll_once, b::poll_and_await, b::start_job, b::job_result, b::await_in_local_set,
    p::pooled, p::pooled_dropped, p::settings_length, p::choice_length, p::spawn_without, p::spawn_now, p::spawn_around, p::spawned,
    v::many_units, v::fields_of, v::bytes_without_memory, v::floats_without_memory, v::ints_without_memory,
    v::echo_tree, v::tree_later, v::echo_bush, v::echo_shrub, v::drop_tree_on_tokio, v::make_tree, v::make_trees, v::give_tree,
    e::fail, e::panic, e::unwind, e::catch_and_unwind, e::panic_around_another, e::panic_in_drop, e::panic_when_cancelled, e::panic_on_tokio, e::abandon, e::is_mine, e::swallow, e::panic_in_error, e::panic_in_conversion, e::panic_in_waker, e::io_error, e::message_of,
    r::StoreError, r::Refused, r::fail_with_string, r::fail_with_text, r::fail_in_box, r::fail_with_anyhow, r::fail_with_eyre, r::fail_in_turn, r::fail_of_store, r::raise_of_store, r::fail_of_closure, r::refuse, r::item_and_error, r::error_of, r::error_on_tokio, r::give_error_back, r::DropPanics, r::fail_strangely, r::give_back_later, r::give_back_now,
    y::echo_int64, y::echo_int32, y::echo_nativeint, y::echo_i128, y::echo_u128, y::echo_int64s, y::echo_address, y::echo_v4, y::echo_v6, y::echo_socket_address, y::echo_time, y::echo_times, y::echo_boxed, y::echo_boxed_float, y::echo_shared_list, y::echo_cow, y::echo_shared_text, y::echo_local_text, y::echo_expression, y::echo_boxed_expression, y::echo_module, y::echo_entry, y::echo_spans, y::echo_id, y::echo_happening, y::largest_id, y::echo_page, y::echo_page_of_floats, y::echo_page_of_entries, y::echo_both, y::echo_boths, y::echo_tree_of, y::echo_wrapped, y::echo_wrapped_floats, y::echo_found, y::echo_book, y::echo_spot, y::first_of_page, y::with_page, y::small,
    k::ready, k::converted, k::r#yield, k::sleep, k::spawn, k::r#await, k::await_portable, k::await_on_tokio, k::resolver, k::convert, k::too_large,
    o::stays_portable, o::moves_portable, o::hold_portable, o::spawn_and_wait_portable,
    c::for_ever, c::live, c::call_and_wait, c::call_and_return, c::drop_promise, c::leave_unpolled, c::detach_promise, c::swallow_and_wait, c::scoped, c::drop_task, c::protected,
    l::call, l::call_later, l::call_plain_later, l::keep_plain, l::keep_plain_at_once, l::keep_and_apply, l::keep_made, l::call_lwt_and_plain, l::call_plain_and_three, l::call_plain_kept, l::keep_lwt, l::call_kept, l::call_of_record, l::sum, l::sum_on_tokio, l::sum_of_tasks,
    x::call_with_numbers, x::end_numbers, x::number_and_call, x::call_with_shared, x::share, x::keep_promise, x::drop_kept_promise, x::apply_kept,
    t::worker_name, t::signals_blocked, t::signal_blocked_here, t::lock, t::spin, t::herd, t::storm, t::adopt,
    m::made, m::alive, m::script, m::numbers, m::numbers_later, m::numbers_or_error, m::numbers_blocking, m::silence, m::streams, m::calling, m::calling_within, m::polled_by, m::from_tokio, m::panics_when_dropped, m::sum_stream, m::take, m::lengths_of_texts, m::echo_bytes_of, m::echo_floats_of, m::drop_stream, m::drop_stream_elsewhere,
    i::pipe, i::connect, i::echo_server, i::copy, i::copy_on_tokio, i::read_some, i::write_some, i::same_channel, i::kind_of_error,
    i::devices_alive, i::scripted_input, i::scripted_after, i::scripted_output, i::failing_output, i::written, i::swapping_input, i::write_and_drop, i::written_to_a_descriptor, i::read_descriptor, i::endless, i::bytes_read,
    h::owners, h::owned, h::address_of_bytes, h::echo_shared, h::echo_of_the_crate, h::inner_bytes, h::slice_to_max, h::shrinking,
    u::arrived, u::slow_sink, u::slow_pipe, u::bytes_channel, u::channel_of, u::received_on_tokio, u::count_into, u::copy_all,
    d::call_in_lwt, d::call_in_lwt_from_tokio, d::spawn_in_lwt, d::panic_in_task, d::await_task_from_tokio, d::leave_task, d::keep_root, d::kept_root, d::leave_reader, d::leave_filler, d::result_of_left,

    /// Items with conditions within them.
    mod conditions {
        some_arguments, some_options, attribute, echo_fields, echo_variants, Refusal, Texts, write_lines,
    },

    /// Functions that `tracing` sees.
    mod instrumented {
        start_recording, recorded, exits, above, below, above_later, below_later, above_blocking,
        below_blocking, below_local, above_generic, below_generic, above_stream, below_stream,
        below_condition, Account,
    },

    /// Functions as values.
    mod made { captured, adder, of_eight, subscribe, compose, maker, call_three, call_pair, call_eight, call_two_on_tokio, start_job, start_job_later, too_large, copy_text, copy_text_on_tokio, describe, optional, of_a_pair, echo_flat, sized },

    /// Types of other crates.
    mod foreign { echo_uuid, echo_url, echo_chrono, echo_chronos, echo_json, echo_jsons, some_json, json_text, deep_json },

    /// Functions that log.
    mod logged { log_all, trace_all_here, trace_all_on_tokio, trace_fields, log_counted, log_to, log_many, log_many_on_tokio, log_failing, trace_in_two_layers },

    /// Functions that hold their domain.
    mod observed { hold_in_function, hold_at_first, hold_later, hold_a_thread, spawn_holding, leave_on_tokio },

    /// Methods, and modules.
    mod objects {
        alive, status, Store, Vector,
        mod http {
            get, Problem,
            #[ocaml(name = "Http2")]
            mod v2 { get, back }
        }
        #[cfg(any())]
        mod missing { get }
        #[cfg(any())]
        gone,
    }
}
