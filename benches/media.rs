//! Cost of one 20 ms packet: companding, receiving and placing, recording.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use huifang::clock::monotonic;
use huifang::media::codec::{Codec, FRAME};
use huifang::media::leg::Leg;
use huifang::media::playout::Playout;
use huifang::media::rtp::{self, HEADER, Outgoing};
use huifang::media::sdp::Local;
use huifang::media::tones::tone;
use huifang::media::wav::Recorder;
use jiff::Timestamp;
use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

const ANSWER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

fn companding(c: &mut Criterion) {
    let pcm = tone(1_000.0, 8_000.0, FRAME);
    let mut group = c.benchmark_group("a_law_per_packet");
    group.throughput(Throughput::Elements(1));
    let mut bytes = [0; FRAME];
    group.bench_function("encode", |b| b.iter(|| Codec::Pcma.encode(black_box(&pcm), &mut bytes)));
    let mut back = Vec::with_capacity(FRAME);
    group.bench_function("decode", |b| {
        b.iter(|| {
            back.clear();
            Codec::Pcma.decode(black_box(&bytes), &mut back);
        });
    });
    group.finish();
}

/// A packet in, a packet out, both channels to the chunk for the disk: all of a call but its sockets.
fn leg(c: &mut Criterion) {
    let local = Local { address: [127, 0, 0, 1].into(), port: 20_000, codecs: vec![Codec::Pcma], session_id: 1 };
    let from = SocketAddr::from(([127, 0, 0, 1], 4_000));
    let mut now = monotonic();
    let mut leg = Leg::new(local, Playout::new(1, 1, 1), Duration::from_secs(20), now);
    if leg.answered(ANSWER, now, Timestamp::UNIX_EPOCH).is_err() {
        return;
    }
    let mut n = 0_u32;
    c.bench_function("leg_per_packet_each_way", |b| {
        b.iter(|| {
            let mut datagram = [0x55; HEADER + FRAME];
            let (sequence, timestamp) = (n as u16, n.wrapping_mul(160));
            let fields = Outgoing { payload_type: 8, marker: false, sequence, timestamp, ssrc: 1 };
            rtp::write(fields, &mut datagram, FRAME);
            leg.receive(&datagram, from, now);
            now += Duration::from_millis(20);
            n += 1;
            leg.tick(
                now,
                |_, _| {},
                |sent, _| {
                    black_box(sent);
                },
            );
            while leg.next_frame().is_some() {}
            black_box(leg.chunk().take(3_200))
        });
    });
}

/// Forty seconds of both channels in chunks of 400 ms, each with header and flush, as the session writes them.
fn recorder(c: &mut Criterion) {
    let Ok(store) = tempfile::tempdir() else { return };
    let chunk = vec![1_000; 6_400];
    let mut group = c.benchmark_group("recorder");
    group.throughput(Throughput::Elements(2_000));
    let mut n = 0;
    let mut create = || {
        n += 1;
        Recorder::create(store.path(), &n.to_string(), Timestamp::UNIX_EPOCH).expect("a recorder for the benchmark")
    };
    let forty_seconds = |mut recorder: Recorder| {
        for _ in 0..100 {
            recorder.write(black_box(&chunk)).expect("the disk takes what is written");
        }
        recorder.discard().expect("the part goes away");
    };
    group.bench_function("forty_seconds", |b| b.iter_batched(&mut create, forty_seconds, BatchSize::PerIteration));
    group.finish();
}

criterion_group!(benches, companding, leg, recorder);
criterion_main!(benches);
