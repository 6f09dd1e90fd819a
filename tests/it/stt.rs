//! Speech to text as the engine uses it: whole calls through the public API; `with_models` runs the real recognisers.

use huifang::domain::transcript::{Channel, Segment};
use huifang::stt::scripted::{Scripted, ScriptedStream};
use huifang::stt::{CallAudio, SttError, transcribe_call};
use std::sync::atomic::{AtomicBool, Ordering};

const LINE_HZ: usize = 8_000;

fn said(channel: Channel, start: f64, end: f64, text: &str) -> Segment {
    Segment { channel, start, end, text: text.into(), confidence: 0.9, also_heard: Vec::new() }
}

fn two_sided() -> Scripted {
    let segments = vec![
        said(Channel::Customer, 2.0, 3.0, "不满意。"),
        said(Channel::Customer, 5.0, 6.0, "没有。"),
        said(Channel::Agent, 0.0, 1.5, "您满意吗？"),
        said(Channel::Agent, 4.0, 4.5, "好的。"),
    ];
    Scripted { segments }
}

#[test]
fn both_channels_are_merged_by_time_and_only_the_customer_is_heard_twice() {
    let second = ScriptedStream { utterances: ["不满意", "没有"].map(String::from).into() };
    let pcm = vec![100; 7 * LINE_HZ];
    let audio = CallAudio { agent: &pcm, customer: &pcm, customer_turns: &[] };
    let mut shares = Vec::new();
    let transcript =
        transcribe_call(&two_sided(), Some(&second), audio, &mut |p| shares.push(p), &AtomicBool::new(false)).unwrap();
    let texts: Vec<&str> = transcript.segments.iter().map(|s| s.text.as_str()).collect();
    assert_eq!(texts, ["您满意吗？", "不满意。", "好的。", "没有。"]);
    let heard: Vec<Option<&str>> =
        transcript.segments.iter().map(|s| s.also_heard.first().map(|h| h.text.as_str())).collect();
    assert_eq!(heard, [None, Some("不满意"), None, Some("没有")]);
    assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]), "progress never falls: {shares:?}");
    assert_eq!(shares.last(), Some(&1.0));
}

#[test]
fn the_second_engine_hears_only_the_audio_of_its_segment() {
    // The first customer segment is silence: the scripted stream says nothing and keeps its words for the next.
    let second = ScriptedStream { utterances: ["没有"].map(String::from).into() };
    let mut customer = vec![0; 7 * LINE_HZ];
    customer[5 * LINE_HZ..6 * LINE_HZ].fill(100);
    let audio = CallAudio { agent: &[], customer: &customer, customer_turns: &[] };
    let transcript = transcribe_call(&two_sided(), Some(&second), audio, &mut |_| {}, &AtomicBool::new(false)).unwrap();
    let heard: Vec<usize> = transcript.segments.iter().map(|s| s.also_heard.len()).collect();
    assert_eq!(heard, [0, 0, 0, 1]);
}

#[test]
fn a_cancelled_job_says_so() {
    let cancel = AtomicBool::new(true);
    let result = transcribe_call(&two_sided(), None, CallAudio::default(), &mut |_| {}, &cancel);
    assert!(matches!(result, Err(SttError::Cancelled)));
    assert!(cancel.load(Ordering::Relaxed));
}

mod with_models {
    use super::*;
    use huifang::domain::score::{Answer, Indicator, Level, Rubric};
    use huifang::stt::settings::{Resampling, Settings, Windows};
    use huifang::stt::vosk::Vosk;
    use huifang::stt::whisper::Whisper;
    use huifang::stt::{Recogniser as _, StreamingModel as _};
    use std::path::{Path, PathBuf};
    use std::sync::{Mutex, MutexGuard};

    /// One job at a time: the tests run in parallel, the machine has few cores.
    static ONE_JOB: Mutex<()> = Mutex::new(());

    fn one_job() -> MutexGuard<'static, ()> {
        ONE_JOB.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn repository() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    fn models() -> PathBuf {
        std::env::var_os("HUIFANG_MODELS").map_or_else(|| repository().join("models"), PathBuf::from)
    }

    fn whisper() -> Whisper {
        let dir = models();
        Whisper::load(&dir.join("ggml-base.bin"), &dir.join("ggml-silero-v6.2.0.bin"), "zh", 1)
            .unwrap_or_else(|e| panic!("{e}"))
    }

    fn vosk() -> Vosk {
        let dir = models();
        Vosk::open(&dir.join("libvosk.so"), &dir.join("vosk-model-small-cn-0.22")).unwrap_or_else(|e| panic!("{e}"))
    }

    fn samples(file: &str) -> Vec<i16> {
        let path = repository().join("tests/data/speech").join(file);
        let mut reader = hound::WavReader::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        reader.samples().map(|s| s.unwrap()).collect()
    }

    /// Answers one after another with the pause of a question between, and when each was said.
    fn call_of(answers: &[&str], pause_s: f64) -> (Vec<i16>, Vec<(f64, f64)>) {
        let silence = vec![0; (pause_s * LINE_HZ as f64) as usize];
        let at = |n: usize| n as f64 / LINE_HZ as f64;
        let (mut pcm, mut turns) = (silence.clone(), Vec::new());
        for answer in answers {
            let voice = samples(&format!("answers/{answer}.wav"));
            turns.push((at(pcm.len()), at(pcm.len() + voice.len())));
            pcm.extend(voice);
            pcm.extend(&silence);
        }
        (pcm, turns)
    }

    fn customer(pcm: &[i16], turns: &[(f64, f64)]) -> Vec<Segment> {
        whisper().transcribe(pcm, Channel::Customer, turns, &mut |_| {}, &AtomicBool::new(false)).unwrap()
    }

    /// Noise of a linear congruential generator, the same in every run.
    fn white_noise(seconds: usize, level: i32) -> Vec<i16> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i32 % (2 * level) - level
        };
        (0..seconds * LINE_HZ).map(|_| next() as i16).collect()
    }

    /// 450 Hz, one second on and four off, at -10 dB.
    fn ring_back(seconds: usize) -> Vec<i16> {
        let tone = |i: usize| (i as f64 / LINE_HZ as f64 * 450.0 * std::f64::consts::TAU).sin() * 10_000.0;
        (0..seconds * LINE_HZ).map(|i| if (i / LINE_HZ).is_multiple_of(5) { tone(i) as i16 } else { 0 }).collect()
    }

    #[test]
    fn silence_ring_back_and_noise_give_no_text() {
        let _job = one_job();
        let (whisper, vosk) = (whisper(), vosk());
        for (name, pcm) in [
            ("nothing", Vec::new()),
            ("one sample", vec![7]),
            ("silence", vec![0; 10 * LINE_HZ]),
            ("ring-back", ring_back(15)),
            ("soft noise", white_noise(10, 300)),
            ("loud noise", white_noise(10, 8_000)),
        ] {
            let audio = CallAudio { agent: &pcm, customer: &pcm, customer_turns: &[] };
            let transcript =
                transcribe_call(&whisper, Some(&vosk), audio, &mut |_| {}, &AtomicBool::new(false)).unwrap();
            assert!(transcript.segments.is_empty(), "{name}: {:?}", transcript.segments);
            let mut stream = vosk.open().unwrap();
            stream.accept(&pcm).unwrap();
            assert_eq!(stream.finish_utterance().unwrap(), "", "{name}, streamed");
        }
    }

    #[test]
    fn a20_negated_answers_keep_their_negation_in_their_own_turn() {
        let _job = one_job();
        let answers = [
            "c02_sat_overall",
            "c04_sat_overall",
            "c10_sat_skill",
            "c03_sat_timeliness",
            "c04_sat_skill",
            "c04_sat_attitude",
        ];
        let (pcm, turns) = call_of(&answers, 2.0);
        let segments = customer(&pcm, &turns);
        let texts: Vec<&str> = segments.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts.len(), answers.len(), "{texts:?}");
        // 满意 · 不满意 · 不错不错 · 不是很满意 … · 不行，没找着真正的毛病 · 不好，爱搭不理的
        for (text, negations) in texts.iter().zip([&[][..], &["不"], &["不错"], &["不是"], &["不行", "没"], &["不"]])
        {
            for negation in negations {
                assert!(text.contains(negation), "{text} lost its {negation}: {texts:?}");
            }
        }
        assert!(!texts[0].contains(['不', '没']), "{} got a negation from its neighbour", texts[0]);
    }

    #[test]
    fn every_turn_is_its_own_segment_and_no_word_moves_to_a_neighbour() {
        let _job = one_job();
        let answers = ["c02_sat_skill", "c02_sat_attitude", "c10_sat_attitude", "c04_sat_skill", "c09_sat_timeliness"];
        let expected = [("还可以", "挺好"), ("挺好", "可以"), ("客气", "不行"), ("毛病", "但是"), ("上午", "毛病")];
        for pause in [0.5, 3.0] {
            let (pcm, turns) = call_of(&answers, pause);
            let segments = customer(&pcm, &turns);
            let texts: Vec<&str> = segments.iter().map(|s| s.text.as_str()).collect();
            assert_eq!(texts.len(), answers.len(), "pause {pause}: {texts:?}");
            for ((segment, (own, foreign)), turn) in segments.iter().zip(expected).zip(&turns) {
                assert!(segment.text.contains(own), "{} should say {own}: {texts:?}", segment.text);
                assert!(!segment.text.contains(foreign), "{} took {foreign} from a neighbour: {texts:?}", segment.text);
                // The clips begin with a tenth of a second of silence at most.
                assert!((segment.start - turn.0).abs() <= 0.2, "{segment:?} begins beside {turn:?}");
                assert!((segment.end - turn.1).abs() <= 0.4, "{segment:?} ends beside {turn:?}");
                assert!((0.2..=1.0).contains(&segment.confidence), "{segment:?}");
            }
        }
    }

    #[test]
    fn a_whole_call_is_transcribed_by_side_and_the_customer_heard_twice() {
        let _job = one_job();
        let both = samples("call4_d_8k_stereo.wav");
        let side = |n: usize| both.iter().skip(n).step_by(2).copied().collect::<Vec<i16>>();
        let (agent, pcm) = (side(0), side(1));
        let turns = [(7.76, 13.01), (19.89, 24.34), (32.03, 35.33)];
        let audio = CallAudio { agent: &agent, customer: &pcm, customer_turns: &turns };
        let (whisper, vosk) = (whisper(), vosk());
        let transcript = transcribe_call(&whisper, Some(&vosk), audio, &mut |_| {}, &AtomicBool::new(false)).unwrap();
        assert_eq!((transcript.engine.as_str(), transcript.model.as_str()), ("whisper", "ggml-base.bin"));
        assert!(transcript.segments.windows(2).all(|pair| pair[0].start <= pair[1].start));
        let of = |c: Channel| transcript.segments.iter().filter(move |s| s.channel == c);
        let agent_text: String = of(Channel::Agent).map(|s| s.text.as_str()).collect();
        assert!(agent_text.contains("维修服务") && agent_text.contains("服务经理"), "{agent_text}");
        let customer: Vec<&Segment> = of(Channel::Customer).collect();
        assert_eq!(customer.len(), turns.len(), "{customer:?}");
        assert!(
            customer[0].text.contains("不") && customer[0].also_heard[0].text.contains("不满意"),
            "{:?}",
            customer[0]
        );
        assert!(customer.iter().all(|s| s.also_heard.len() == 1 && s.also_heard[0].engine == "vosk"), "{customer:?}");
    }

    #[test]
    fn e4_words_of_either_engine_come_to_the_level_that_was_meant() {
        let _job = one_job();
        // 不是很满意，等了一天半才来人 · 不满意 · 非常不满意，我要起诉，还要找媒体曝光
        let answers = [
            ("c03_sat_timeliness", Indicator::Timeliness, 3),
            ("c04_sat_overall", Indicator::Overall, 2),
            ("c05_sat_overall", Indicator::Overall, 1),
        ];
        let (pcm, turns) = call_of(&answers.map(|(answer, ..)| answer), 2.0);
        let audio = CallAudio { agent: &[], customer: &pcm, customer_turns: &turns };
        let (whisper, vosk) = (whisper(), vosk());
        let transcript = transcribe_call(&whisper, Some(&vosk), audio, &mut |_| {}, &AtomicBool::new(false)).unwrap();
        assert_eq!(transcript.segments.len(), answers.len(), "{transcript:?}");
        for ((answer, indicator, level), segment) in answers.iter().zip(&transcript.segments) {
            let mut said = Answer::bare(Some(*indicator), "您怎么评价？", segment.text.as_str());
            said.also_heard.extend(segment.also_heard.iter().map(|h| (h.engine.clone(), h.text.clone())));
            let judged = Rubric::builtin().judge(&said);
            assert_eq!(judged.label.map(Level::get), Some(*level), "{answer}: {segment:?}");
        }
    }

    #[test]
    fn every_setting_of_listening_hears_the_words() {
        let _job = one_job();
        let (pcm, turns) = call_of(&["c02_sat_attitude", "c10_sat_attitude"], 1.0);
        let chosen = Settings::default();
        let mut whisper = whisper();
        for settings in [
            Settings { find_speech: false, windows: Windows::Single, ..chosen },
            Settings { beam: 2, windows: Windows::Packed, level: true, ..chosen },
            Settings { prompt: false, resampling: Resampling::Linear, ..chosen },
        ] {
            whisper.listen_by(settings);
            let heard =
                whisper.transcribe(&pcm, Channel::Customer, &turns, &mut |_| {}, &AtomicBool::new(false)).unwrap();
            let texts: Vec<&str> = heard.iter().map(|s| s.text.as_str()).collect();
            let right = texts.len() == 2 && texts[0].contains("好") && texts[1].contains("客气");
            assert!(right, "{settings:?}: {texts:?}");
        }
    }

    #[test]
    fn a_stream_hears_words_while_they_are_spoken_and_utterances_do_not_mix() {
        let _job = one_job();
        let mut stream = vosk().open().unwrap();
        for (answer, expected) in [("c04_sat_overall", "不满意"), ("c02_sat_attitude", "挺好的")] {
            let mut partial = String::new();
            for piece in samples(&format!("answers/{answer}.wav")).chunks(160) {
                stream.accept(piece).unwrap();
                partial = stream.partial().unwrap();
            }
            assert!(!partial.is_empty(), "{answer}: nothing before the end");
            stream.accept(&[0; LINE_HZ / 5]).unwrap();
            assert_eq!(stream.finish_utterance().unwrap(), expected);
        }
    }

    #[test]
    fn a_job_stops_when_cancelled_in_the_middle() {
        let _job = one_job();
        let (pcm, turns) = call_of(&["c03_sat_timeliness"; 8], 1.0);
        let cancel = AtomicBool::new(false);
        let mut windows = 0;
        let mut stop_at_second = |share: f32| {
            windows += usize::from(share < 1.0);
            cancel.store(share > 0.0, Ordering::Relaxed);
        };
        let result = whisper().transcribe(&pcm, Channel::Customer, &turns, &mut stop_at_second, &cancel);
        assert!(matches!(result, Err(SttError::Cancelled)), "{result:?}");
        assert_eq!(windows, 2, "the second window was begun, no third");
    }

    #[test]
    fn a_file_that_is_no_model_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let fake = dir.path().join("ggml-base.bin");
        std::fs::write(&fake, "no model").unwrap();
        let vad = models().join("ggml-silero-v6.2.0.bin");
        let message = Whisper::load(&fake, &vad, "zh", 1).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message.starts_with("whisper failed: ") && message.contains("does not load"), "{message}");
    }
}

#[test]
fn a_missing_model_is_named_with_what_to_do() {
    use huifang::stt::whisper::Whisper;
    let dir = tempfile::tempdir().unwrap();
    let (model, vad) = (dir.path().join("ggml-base.bin"), dir.path().join("vad.bin"));
    let message = || Whisper::load(&model, &vad, "zh", 1).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(
        message().starts_with("whisper model is missing: ")
            && message().ends_with("ggml-base.bin; run `huifang models fetch`")
    );
    std::fs::write(&model, "").unwrap();
    assert!(message().starts_with("voice detection model is missing: ") && message().contains("vad.bin"));
}
