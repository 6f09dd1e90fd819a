use super::*;
use Kind::*;
use std::sync::{Arc, LazyLock};

static TABLE: LazyLock<Arc<Announcements>> = LazyLock::new(|| Arc::new(Announcements::builtin().unwrap()));

#[track_caller]
fn check(text: &str, early: Option<Kind>, answered: Option<Kind>) {
    let found = [Place::Early, Place::Answered].map(|place| TABLE.find(text, place, false));
    assert_eq!(found, [early, answered], "{text}");
}

#[test]
fn what_carriers_say_is_told_before_the_answer_and_after_it() {
    for (text, kind) in [
        ("您好，您拨打的号码是空号，请核对后再拨。", VacantNumber),
        (
            "对不起，您拨打的号码是空号，请核对后再拨。Sorry, the number you dialed does not exist, please check it and dial later.",
            VacantNumber,
        ),
        ("对不起，您拨打的号码不存在，请查证后再拨", VacantNumber),
        ("您好，您拨打的电话已关机。", PoweredOff),
        (
            "您好，您所拨打的电话已关机，请稍后再拨。Sorry, the subscriber you dialed is power off, please redial later.",
            PoweredOff,
        ),
        ("您好，您拨打的用户已关机，我们将以短信的形式通知机主", PoweredOff),
        ("您好，您拨打的电话已停机。", Suspended),
        ("对不起，您所拨打的电话已暂停服务。", Suspended),
        ("对不起，您拨打的用户已欠费停机", Suspended),
        ("您好，您拨打的用户不在服务区，请稍后再拨。", OutOfArea),
        ("您好，您拨打的电话正在通话中，请稍后再拨。", OnACall),
        (
            "对不起，您拨打的用户正忙，请稍后再拨。Sorry, the subscriber you dialed is busy now, please redial later.",
            UserBusy,
        ),
        ("您好，您拨打的电话暂时无法接通，请稍后再拨。", CannotBeConnected),
        (
            "Sorry! The subscriber you dialed can not be connected for the moment, please redial later.",
            CannotBeConnected,
        ),
        ("对不起，您拨打的电话暂时无人接听，请稍后再拨。", NobodyAnswers),
        ("您拨打的用户暂时无法接听您的电话，请稍后再拨", NobodyAnswers),
        ("对不起，您拨打的用户已设置呼入限制。", IncomingBarred),
        ("您好，请不要挂机，您拨打的电话正在通话中。", CallWaiting),
        ("您拨打的用户正在通话中，请不要挂机", CallWaiting),
        ("您的呼叫正在转接，请稍候", Forwarding),
        ("对不起，您拨打的线路正忙，请稍后再拨", NetworkBusy),
        ("对不起，您的电话已欠费，请充值后再拨", OurLineBarred),
        ("您拨打的是异地手机，请在号码前加拨零", Misdialled),
        // As a recogniser hears it.
        ("您拨打的是异地手机请在号码全家柏铃", Misdialled),
        ("您拨打的是本地号码，不需加拨零", Misdialled),
        ("您好，您拨打的用户暂时无法接听，请在嘀声后留言，留言完毕请挂机。", Mailbox),
        ("您好，我现在不方便接听电话，请在提示音后留言。", Mailbox),
        ("you have reached the voice mailbox, please leave a message after the tone", Mailbox),
        ("您好，机主现在不方便接听，我是他的通话助理，请问您有什么事？", Assistant),
        ("您好，我是机主的智能助手，请问您是哪位", Assistant),
        ("您好，请说出您的姓名和来电原因，我会为您转接", Assistant),
        ("您拨打的用户正在使用来电筛选服务", Assistant),
        ("您好，欢迎致电华通公司，请拨分机号，查号请拨零", Assistant),
        ("對不起，您撥打的用戶暫時無法接通，請稍後再撥", CannotBeConnected),
    ] {
        check(text, Some(kind), Some(kind));
    }
}

#[test]
fn what_a_recogniser_mishears_is_told_by_its_sound() {
    for (text, kind) in [
        ("您好您拨打的号码是空好请核对后再播", VacantNumber),
        ("您好您播打的电话已观机", PoweredOff),
        ("您好您波打的用户不再服务区请稍后再拨", OutOfArea),
        ("您好请不要挂鸡您拨打的电话正在通话中", CallWaiting),
        ("您好我现在不方便接听电话请在提示音后流言", Mailbox),
    ] {
        check(text, Some(kind), Some(kind));
    }
}

#[test]
fn before_the_answer_the_words_alone_are_enough_and_after_it_they_are_a_persons() {
    for (text, kind) in [
        ("请稍后再拨", TryLater),
        ("电话已关机", PoweredOff),
        ("号码是空号", VacantNumber),
        ("用户正忙", UserBusy),
        ("暂时无法接通", CannotBeConnected),
        ("is powered off", PoweredOff),
    ] {
        check(text, Some(kind), None);
    }
    check("", None, None);
    check("。。。", None, None);
}

#[test]
fn what_a_person_says_when_he_picks_up_is_never_an_announcement() {
    for text in [
        "喂，你好",
        "喂，哪位？",
        "你好，我现在不方便接电话，你晚点再打",
        "我在开会，稍后再打过来",
        "我手机快关机了，你快点说",
        "机主不在，我是他儿子",
        "机主现在不方便接听，我是他爱人，您有什么事跟我说",
        "我是他的助理，你说吧",
        "我是他秘书，他现在忙",
        "他正在通话中呢，你等一下",
        "我正在通话中，一会儿给你回过去",
        "他手机停机了，你打我这个就行",
        "请问您是哪位，找谁",
        "您贵姓，请问有什么事",
        "你留言给他吧，我帮你转告",
        "你打的这个号码不是我的",
        "我上次打你们电话一直是空号",
        "我打你们热线老是无人接听，打了三次都占线",
        "信号不好，我这里不在服务区",
        "您拨错号了吧",
        "你们电话老占线",
    ] {
        check_person(text);
    }
}

/// Not after the answer, not even with a beep on the line (his telephone has one too).
#[track_caller]
fn check_person(text: &str) {
    assert_eq!(TABLE.find(text, Place::Answered, false), None, "{text}");
}

#[test]
fn no_answer_of_the_labelled_sets_and_nothing_that_was_ever_heard_of_a_customer_is_an_announcement() {
    let mut texts: Vec<String> = vec![];
    let heard = include_str!("../../../tests/data/vosk_heard.tsv");
    texts.extend(heard.lines().skip(1).filter_map(|line| line.split('\t').nth(2)).map(|text| text.replace('|', "")));
    for set in [
        include_str!("../../../tests/data/eval/answers_tune.jsonl"),
        include_str!("../../../tests/data/eval/answers_held_out.jsonl"),
    ] {
        for line in set.lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            texts.extend(case["answer"].as_str().map(str::to_owned));
        }
    }
    for set in [
        include_str!("../../../tests/data/eval/calls_tune.jsonl"),
        include_str!("../../../tests/data/eval/calls_held_out.jsonl"),
    ] {
        for line in set.lines() {
            let call: serde_json::Value = serde_json::from_str(line).unwrap();
            let turns = call["in"]["turns"].as_array().unwrap().iter();
            texts
                .extend(turns.filter(|turn| turn["speaker"] == "customer").map(|t| t["text"].as_str().unwrap().into()));
        }
    }
    assert!(texts.len() > 1_000, "{} texts", texts.len());
    texts.iter().for_each(|text| check_person(text));
}

#[test]
fn what_was_heard_and_what_signalling_says_come_to_one_outcome() {
    use Outcome::*;
    #[track_caller]
    fn check(signalled: Option<Outcome>, heard: Kind, expected: Option<Outcome>) {
        assert_eq!(settle(signalled, heard).map(|(outcome, _)| outcome), expected, "{signalled:?} and {heard:?}");
    }
    // 480 after 183 is "no answer" to SIP; the exchange says what it really was.
    check(Some(NoAnswer), VacantNumber, Some(InvalidNumber));
    check(Some(NoAnswer), PoweredOff, Some(Unreachable));
    check(Some(NoAnswer), OnACall, Some(Busy));
    check(Some(Busy), PoweredOff, Some(Unreachable));
    check(Some(Busy), UserBusy, Some(Busy));
    check(Some(InvalidNumber), PoweredOff, Some(Unreachable));
    check(Some(Unreachable), VacantNumber, Some(InvalidNumber));
    check(Some(TrunkFailure), VacantNumber, Some(InvalidNumber));
    check(Some(TrunkFailure), NetworkBusy, Some(TrunkFailure));
    // We hung up on the announcement.
    check(Some(Cancelled), Suspended, Some(Unreachable));
    check(None, NobodyAnswers, Some(NoAnswer));
    // He refused, and the exchange then says that he is on a call (A04).
    check(Some(Declined), OnACall, None);
    check(Some(AuthFailed), TryLater, None);
    // A hint, and what only asks for patience.
    check(Some(NoAnswer), TryLater, Some(Unreachable));
    check(Some(Busy), TryLater, None);
    check(Some(TrunkFailure), TryLater, None);
    check(Some(NoAnswer), CallWaiting, Some(Busy));
    check(Some(Unreachable), CallWaiting, None);
    check(Some(NoAnswer), Forwarding, Some(NoAnswer));
    // A machine that was heard and did not take the call.
    check(Some(NoAnswer), Mailbox, Some(NoAnswer));
    check(Some(Busy), Mailbox, None);
}

#[test]
fn every_kind_has_a_name_of_its_own_which_is_the_serialised_one() {
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        assert_eq!(Kind::ALL.iter().filter(|other| other.text_zh() == kind.text_zh()).count(), 1, "{kind:?}");
    }
}

#[test]
fn a_table_that_cannot_be_used_is_refused_with_its_reason() {
    let frame = "version = \"1\"\n[frame]\nsays = [\"您拨打的\"]\nwithin = 9\n";
    for (rest, reason) in [
        ("[[announcement]]\nkind = \"fax\"\n", "fax: has no phrase"),
        ("[[announcement]]\nkind = \"mailbox\"\nalone = [\"。\"]\n", "mailbox: the phrase \"。\" holds nothing"),
        ("[[announcement]]\nkind = \"ringing\"\n", "unknown variant `ringing`"),
        ("[[announcement]]\nkind = \"mailbox\"\nlate = []\n", "unknown field `late`"),
        (
            "[[announcement]]\nkind = \"mailbox\"\nalone = [\"留言\"]\n[[announcement]]\nkind = \"mailbox\"\nalone = [\"留言\"]\n",
            "mailbox: stands there twice",
        ),
    ] {
        let error = Announcements::parse(&format!("{frame}{rest}")).unwrap_err().to_string();
        assert!(error.starts_with("announcements-zh.toml: ") && error.contains(reason), "{error}");
    }
}

/// What an ear tells, with the time, when these words come in at their milliseconds and a voice is active in `voice`.
fn told(
    place: Place,
    words: &[(u64, &str)],
    tones: &[(u64, Tone)],
    voice: std::ops::Range<u64>,
    until: u64,
) -> Vec<(u64, Kind)> {
    let (mut ear, mut told) = (Ear::new(TABLE.clone(), place), vec![]);
    for now in (0..until).step_by(20) {
        words.iter().filter(|(at, _)| *at == now).for_each(|(_, text)| ear.partial(now, text));
        tones.iter().filter(|(at, _)| *at == now).for_each(|(_, tone)| ear.tone(now, *tone));
        told.extend(ear.frame(now, voice.contains(&now)).map(|heard| (heard.at_ms, heard.kind)));
    }
    told
}

#[test]
fn an_announcement_is_told_once_when_it_has_been_said_and_not_in_the_middle() {
    let words = [(1_000, "您好您拨打的电话正在通话中")];
    assert_eq!(told(Place::Early, &words, &[], 0..2_000, 9_000), [(2_880, OnACall)]);
    // The sentence goes on: he may still take the call.
    let words = [(1_000, "您好您拨打的电话正在通话中"), (2_400, "您好您拨打的电话正在通话中请不要挂机")];
    assert_eq!(told(Place::Early, &words, &[], 0..3_000, 9_000), [(3_880, CallWaiting)]);
    // It is repeated without a pause.
    let words = [(1_000, "您拨打的电话已关机")];
    assert_eq!(told(Place::Early, &words, &[], 0..60_000, 60_000), [(7_000, PoweredOff)]);
    assert_eq!(told(Place::Answered, &words, &[], 0..60_000, 60_000), [(2_500, PoweredOff)]);
}

#[test]
fn after_the_first_seconds_of_a_conversation_nothing_is_an_announcement_any_more() {
    assert_eq!(
        told(Place::Answered, &[(19_000, "您拨打的电话已关机")], &[], 0..19_400, 60_000),
        [(19_680, PoweredOff)]
    );
    assert_eq!(told(Place::Answered, &[(19_900, "您拨打的电话已关机")], &[], 0..21_000, 60_000), []);
}

#[test]
fn a_beep_makes_a_machine_of_words_that_a_person_may_say_too_and_of_nothing_else() {
    let words = [(1_000, "您好我现在不方便接听电话")];
    let beep = [(3_000, Tone::Beep)];
    assert_eq!(told(Place::Answered, &words, &[], 0..2_000, 9_000), []);
    assert_eq!(told(Place::Answered, &words, &beep, 0..2_000, 9_000), [(3_000, Mailbox)]);
    assert_eq!(told(Place::Answered, &words, &[(500, Tone::Beep)], 0..2_000, 9_000), [], "his telephone beeped before");
    assert_eq!(told(Place::Answered, &[(1_000, "喂你好")], &beep, 0..2_000, 9_000), []);
    assert_eq!(told(Place::Answered, &[], &beep, 0..0, 9_000), []);
}

#[test]
fn tones_are_told_at_once_ring_back_never_and_three_rising_tones_wait_for_the_words_after_them() {
    for (tone, kind) in [(Tone::Busy, BusyTone), (Tone::Congestion, CongestionTone), (Tone::Fax, Fax)] {
        assert_eq!(told(Place::Early, &[], &[(2_000, tone)], 0..0, 9_000), [(2_000, kind)]);
    }
    assert_eq!(told(Place::Early, &[], &[(2_000, Tone::RingBack)], 0..0, 9_000), []);
    let mut ear = Ear::new(TABLE.clone(), Place::Early);
    ear.tone(1_000, Tone::Information);
    assert_eq!(ear.frame(1_000, false), None);
    assert_eq!(ear.end(5_000).map(|heard| heard.kind), Some(InformationTone));
    ear.tone(6_000, Tone::Information);
    ear.partial(7_000, "您拨打的号码是空号");
    let heard = ear.end(8_000).unwrap();
    assert_eq!((heard.kind, heard.words.as_str(), heard.from_ms), (VacantNumber, "您拨打的号码是空号", 7_000));
}

#[test]
fn an_announcement_that_is_cut_off_is_still_told_at_the_end_and_its_pieces_are_one_sentence() {
    let mut ear = Ear::new(TABLE.clone(), Place::Early);
    ear.words(1_000, "您好您拨打的电话");
    ear.partial(1_400, "已关");
    assert_eq!(ear.end(1_500), None);
    ear.partial(1_600, "已关机");
    let heard = ear.end(1_700).unwrap();
    assert_eq!((heard.kind, heard.words.as_str()), (PoweredOff, "您好您拨打的电话，已关机"));
    assert_eq!(ear.end(1_800), None);
}

#[test]
fn an_endless_song_leaves_no_endless_text_behind() {
    let mut ear = Ear::new(TABLE.clone(), Place::Early);
    (0..1_000).for_each(|n| ear.words(n * 1_000, "啦啦啦啦啦啦啦啦"));
    ear.words(2_000_000, "您拨打的号码是空号");
    let heard = ear.end(2_000_000).unwrap();
    assert!(heard.words.chars().count() <= 120, "{} characters", heard.words.chars().count());
}
