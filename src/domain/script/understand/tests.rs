use super::*;

/// What was meant, and what Vosk wrote for the shared customers in A-law (where it differs, both stand here).
#[test]
fn live_words_are_understood_in_the_context_of_the_question() {
    let refusal = Reply::Refusal { opt_out: false };
    let opt_out = Reply::Refusal { opt_out: true };
    let not_now = Reply::NotNow { time: None };
    let rows: &[(Asked, &str, Reply)] = &[
        // identity
        (Asked::Identity, "对，我就是。", Reply::Yes),
        (Asked::Identity, "所以我就是", Reply::Yes),
        (Asked::Identity, "是我，什么事儿？", Reply::Yes),
        (Asked::Identity, "嗯，我是。", Reply::Yes),
        (Asked::Identity, "如果是", Reply::Yes),
        (Asked::Identity, "我是怎么了", Reply::Yes),
        (Asked::Identity, "对卧室", Reply::Yes),
        (Asked::Identity, "卧室", Reply::Yes),
        (Asked::Identity, "对对对是我是我", Reply::Yes),
        (Asked::Identity, "是的", Reply::Yes),
        (Asked::Identity, "嗯。", Reply::Yes),
        (Asked::Identity, "拾得", Reply::Yes),
        (Asked::Identity, "你打错了，我不姓周，我们家也没有挖掘机。", Reply::WrongNumber),
        (Asked::Identity, "你打破了我不姓周我们家也没有挖掘机", Reply::WrongNumber),
        (Asked::Identity, "没有这个人", Reply::WrongNumber),
        (Asked::Identity, "不是，我是他媳妇", Reply::NotMe),
        (Asked::Identity, "不是", Reply::NotMe),
        (Asked::Identity, "他不在", Reply::NotMe),
        (Asked::Identity, "我在开车，不方便", not_now.clone()),
        (Asked::Identity, "啊？你说什么？", Reply::SayAgain),
        (Asked::Identity, "", Reply::Nothing),
        // does he know
        (Asked::KnowsService, "知道，我在现场", Reply::Yes),
        (Asked::KnowsService, "不太清楚", Reply::No),
        (Asked::KnowsService, "我没在现场", Reply::No),
        // consent
        (Asked::Consent, "可以，没问题，你说吧。", Reply::Yes),
        (Asked::Consent, "行，你说。", Reply::Yes),
        (Asked::Consent, "快点儿啊，我这儿还干活呢。", Reply::Yes),
        (Asked::Consent, "会几日好我这儿还敢家的", Reply::Yes),
        (Asked::Consent, "说吧我正想找你们呢", Reply::Yes),
        (Asked::Consent, "来得正好我就要找你们算账的数", Reply::Yes),
        (Asked::Consent, "你可以吧", Reply::Yes),
        (Asked::Consent, "行行行你快说吧", Reply::Yes),
        (Asked::Consent, "课业", Reply::Yes),
        (Asked::Consent, "可以请讲", Reply::Yes),
        (Asked::Consent, "嗯", Reply::Yes),
        (Asked::Consent, "喂你好", Reply::Words),
        (Asked::Consent, "不好意思啊", Reply::Words),
        (Asked::Consent, "不用了我不想做什么回访", refusal.clone()),
        (Asked::Consent, "不行", refusal.clone()),
        (Asked::Consent, "不可以", refusal.clone()),
        (Asked::Consent, "不好意思，不需要", refusal.clone()),
        (Asked::Consent, "我说了不用来别再打了", opt_out.clone()),
        (Asked::Consent, "你们别再打电话来了", opt_out.clone()),
        (Asked::Consent, "我现在正在操作机器，不方便接电话。", not_now.clone()),
        (Asked::Consent, "我现在正在操作集体不方便接电话", not_now.clone()),
        (Asked::Consent, "可以是可以，但是我现在没时间", not_now.clone()),
        (Asked::Consent, "没空，下午三点以后再打吧", Reply::NotNow { time: Some("没空下午三点以后再打吧".into()) }),
        (Asked::Consent, "不是，你真的打错了。", Reply::WrongNumber),
        (Asked::Consent, "这个事我不清楚，不是我经手的", Reply::NotInformed),
        (Asked::Consent, "等一下啊", Reply::HoldOn),
        (Asked::Consent, "你稍等", Reply::HoldOn),
        (Asked::Consent, "嗯你说什么", Reply::SayAgain),
        (Asked::Consent, "什么什么白婷婷", Reply::SayAgain),
        (Asked::Consent, "什么什么？没听清。", Reply::SayAgain),
        (Asked::Consent, "麻烦你再说一遍", Reply::SayAgain),
        // the intro: a "no" is an answer
        (Asked::Intro, "哪儿排除了，还是老样子。", Reply::Words),
        (Asked::Intro, "处理什么处理，到现在没人管！", Reply::Words),
        (Asked::Intro, "不行，还是坏的", Reply::Words),
        (Asked::Intro, "这个事我不知道", Reply::NotInformed),
        // facts and ratings: only the unmistakable ends anything
        (Asked::Fact, "不用来了。", Reply::Words),
        (Asked::Fact, "没听明白", Reply::Words),
        (Asked::Fact, "空调不制冷不知道是什么原因", Reply::Words),
        (Asked::Fact, "他们说在忙没时间来", Reply::Words),
        (Asked::Fact, "什么原因你们自己不知道吗？机器质量太差了。", Reply::Words),
        (Asked::Fact, "我打完电话第三天才来", Reply::Words),
        (Asked::Fact, "嗯", Reply::Nothing),
        (Asked::Fact, "我想问一下这个多久换一次", Reply::TechQuestion),
        (Asked::Fact, "我不想回答了", refusal.clone()),
        (Asked::Fact, "我现在忙着呢，回头再说吧", not_now.clone()),
        (Asked::Rating, "不行没找着真正的毛病", Reply::Words),
        (Asked::Rating, "这个我不清楚我就是买零件", Reply::Words),
        (Asked::Rating, "没用配件", Reply::Words),
        (Asked::Rating, "你说什么", Reply::SayAgain),
        (Asked::Rating, "呢", Reply::Nothing),
        // needs
        (Asked::Needs, "没有了", Reply::Words),
        (Asked::Needs, "我再问一下，液压油多长时间换一次？", Reply::TechQuestion),
        (Asked::Needs, "我再问一下也要有多长时间换一次", Reply::TechQuestion),
        (Asked::Needs, "配件能不能多备一点儿？", Reply::Words),
        (Asked::Needs, "把机器给我修好就行。", Reply::Words),
        // when
        (Asked::Time, "下午三点以后吧", Reply::Words),
        (Asked::Time, "不用打了，别再打了", opt_out.clone()),
        // over a notice
        (Asked::Overheard, "喂你好", Reply::Words),
        (Asked::Overheard, "打错电话了", Reply::WrongNumber),
        (Asked::Overheard, "我不接受回访", refusal),
        (Asked::Overheard, "不用了", Reply::Words),
    ];
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(asked, text, want)| {
            let got = understand(*asked, text);
            (got != *want).then(|| format!("{asked:?} {text}: {got:?}, want {want:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn c19_a_turn_sounds_finished_or_not() {
    use Completeness::*;
    let rows: &[(&str, Completeness)] = &[
        ("", NotBegun),
        ("嗯", NotBegun),
        ("外观嘛，", NotBegun),
        ("外观吗", NotBegun),
        ("配件", NotBegun),
        ("性能，", NotBegun),
        ("总的来说，", NotBegun),
        ("没什么问题，但是，", GoesOn),
        ("没什么问题但是", GoesOn),
        ("就是，", GoesOn),
        ("还有", GoesOn),
        ("幼师", Scrap),
        ("三十，", HalfANumber),
        ("九百八十六", HalfANumber),
        ("九百八十六个小时", Sentence),
        ("为贵吗", NotBegun), // 外观嘛, as it was heard
        ("对，我就是。", ShortAnswer),
        ("没有", ShortAnswer),
        ("可以", ShortAnswer),
        ("好", ShortAnswer),
        ("满意。", ShortAnswer),
        ("讲了，", ShortAnswer),
        ("养了", ShortAnswer),
        ("工具齐全", Sentence),
        ("态度好", Sentence),
        ("马马虎虎吧", Sentence),
        ("正常吧", Sentence),
    ];
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(text, want)| {
            let got = completeness(text);
            (got != *want).then(|| format!("{text}: {got:?}, want {want:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn d18_he_says_that_nothing_was_charged() {
    for (text, want) in [
        ("保修期内的没收钱", true),
        ("没要钱", true),
        ("没收费，保修的。", true),
        ("收了我两千八百块钱", false),
        ("八百", false),
        ("", false),
    ] {
        assert_eq!(nothing_charged(text), want, "{text}");
    }
}

#[test]
fn c23_anger_is_heard() {
    for (text, want) in [
        ("来得正好我就要找你们算账的数", true),
        ("处理什么处理到现在没人管", true),
        ("我要求退机", true),
        ("快点儿啊，我这儿还干活呢", false),
        ("不满意", false),
    ] {
        assert_eq!(angry(text), want, "{text}");
    }
}
