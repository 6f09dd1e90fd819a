//! The streaming recogniser and the table of announcements together: every announcement of the test audio is told, no customer is.

mod with_models {
    use huifang::domain::announcement::{Announcements, Ear, Heard, Kind, Place};
    use huifang::media::codec::{Codec, FRAME};
    use huifang::media::signals::Signals;
    use huifang::media::vad::Vad;
    use huifang::stt::StreamingModel;
    use huifang::stt::vosk::Vosk;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    fn vosk() -> Vosk {
        let dir = std::env::var_os("HUIFANG_MODELS").map_or_else(|| root().join("models"), PathBuf::from);
        Vosk::open(&dir.join("libvosk.so"), &dir.join("vosk-model-small-cn-0.22")).unwrap_or_else(|e| panic!("{e}"))
    }

    fn samples(path: &Path) -> Vec<i16> {
        let reader = hound::WavReader::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        reader.into_samples().map(Result::unwrap).collect()
    }

    /// Over the line (A-law) with half a second of silence before and two after, frame by frame: what is told, and all the words.
    fn heard(model: &Vosk, place: Place, pcm: &[i16]) -> (Vec<Heard>, String) {
        let (mut bytes, mut line) = (vec![0; pcm.len()], vec![]);
        Codec::Pcma.encode(pcm, &mut bytes);
        Codec::Pcma.decode(&bytes, &mut line);
        let line = [vec![0; 4_000], line, vec![0; 16_000]].concat();
        let mut ear = Ear::new(Arc::new(Announcements::builtin().unwrap()), place);
        let (mut signals, mut vad, mut stream) = (Signals::default(), Vad::new(), model.open().unwrap());
        let (mut told, mut words) = (vec![], String::new());
        for (n, frame) in line.chunks_exact(FRAME).enumerate() {
            let (now, frame) = (n as u64 * 20, frame.try_into().unwrap());
            if let Some(tone) = signals.push(frame) {
                ear.tone(now, tone);
            }
            vad.push(frame);
            stream.accept(frame).unwrap();
            if n % 10 == 9 {
                words = stream.partial().unwrap();
                ear.partial(now, &words);
            }
            told.extend(ear.frame(now, vad.speaking()));
        }
        (told, words)
    }

    #[test]
    fn every_announcement_of_the_test_audio_is_told_as_what_it_is() {
        let model = vosk();
        let folder = root().join("tests/data/speech/carrier");
        for (file, early, answered) in [
            ("vacant_number", Some(Kind::VacantNumber), Some(Kind::VacantNumber)),
            ("powered_off", Some(Kind::PoweredOff), Some(Kind::PoweredOff)),
            ("powered_off_retry", Some(Kind::PoweredOff), Some(Kind::PoweredOff)),
            ("suspended", Some(Kind::Suspended), Some(Kind::Suspended)),
            ("service_suspended", Some(Kind::Suspended), Some(Kind::Suspended)),
            ("out_of_service_area", Some(Kind::OutOfArea), Some(Kind::OutOfArea)),
            ("on_a_call", Some(Kind::OnACall), Some(Kind::OnACall)),
            ("user_busy", Some(Kind::UserBusy), Some(Kind::UserBusy)),
            ("cannot_be_connected", Some(Kind::CannotBeConnected), Some(Kind::CannotBeConnected)),
            ("no_answer", Some(Kind::NobodyAnswers), Some(Kind::NobodyAnswers)),
            ("early_media_no_answer", Some(Kind::NobodyAnswers), Some(Kind::NobodyAnswers)),
            ("incoming_call_barred", Some(Kind::IncomingBarred), Some(Kind::IncomingBarred)),
            ("call_waiting", Some(Kind::CallWaiting), Some(Kind::CallWaiting)),
            ("number_does_not_exist", Some(Kind::VacantNumber), Some(Kind::VacantNumber)),
            ("suspended_arrears", Some(Kind::Suspended), Some(Kind::Suspended)),
            ("misdialled", Some(Kind::Misdialled), Some(Kind::Misdialled)),
            ("missed_call_alert", Some(Kind::CannotBeConnected), Some(Kind::CannotBeConnected)),
            ("forwarding", Some(Kind::Forwarding), Some(Kind::Forwarding)),
            ("call_screening", Some(Kind::Assistant), Some(Kind::Assistant)),
            ("assistant_relay", Some(Kind::Assistant), Some(Kind::Assistant)),
            // A person could say it, so after the answer it is nothing.
            ("try_later", Some(Kind::TryLater), None),
            ("answering_machine", Some(Kind::Mailbox), Some(Kind::Mailbox)),
            ("voice_mailbox", Some(Kind::Mailbox), Some(Kind::Mailbox)),
            ("phone_assistant", Some(Kind::Assistant), Some(Kind::Assistant)),
        ] {
            let pcm = samples(&folder.join(format!("{file}.wav")));
            for (place, expected) in [(Place::Early, early), (Place::Answered, answered)] {
                let (told, words) = heard(&model, place, &pcm);
                let kinds: Vec<Kind> = told.iter().map(|heard| heard.kind).collect();
                assert_eq!(kinds, Vec::from_iter(expected), "{file} {place:?}: {words}");
            }
        }
    }

    #[test]
    fn nothing_that_a_customer_says_in_his_first_sentences_is_taken_for_a_machine() {
        let model = vosk();
        let mut files = vec![];
        for entry in std::fs::read_dir(root().join("demo/customers")).unwrap() {
            let folder = entry.unwrap().path();
            if folder.is_dir() {
                let sounds = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
                files.extend(sounds.filter(|path| path.extension().is_some_and(|e| e == "wav")));
            }
        }
        files.extend(
            ["hesitating_hello", "hesitating_identity"].map(|f| root().join(format!("tests/data/speech/{f}.wav"))),
        );
        let first = ["hello", "identity", "consent", "insist"];
        files.retain(|path| path.exists() && first.iter().any(|name| path.to_string_lossy().contains(name)));
        assert!(files.len() >= 24, "{} files", files.len());
        for file in files {
            let (told, words) = heard(&model, Place::Answered, &samples(&file));
            assert_eq!(told, [], "{}: {words}", file.display());
        }
    }
}
