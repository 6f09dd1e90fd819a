//! What judging costs: one answer, one call of a dozen answers, the scores, facts and audit of a whole dialogue, and ten thousand
//! dialogues judged again on one core. The aims: a call within one millisecond, ten thousand within ten seconds.

use criterion::{Criterion, criterion_group, criterion_main};
use huifang::domain::audit::{DialogueRequest, audit_dialogue};
use huifang::domain::score::{Answer, Indicator, Rubric, score_call};
use std::hint::black_box;

fn answers() -> Vec<Answer> {
    let said = [
        (None, "请问现在您的挖掘机工作多少小时了？", "五千四百六十个小时。"),
        (None, "请问更换了哪些零部件？", "换了一个喷油嘴，还有机油滤芯。"),
        (None, "请问工程师是什么时间到达现场的？", "十五号下午两点来的。"),
        (Some(Indicator::Skill), "请问您对工程师的服务技能怎么评价？", "一般般吧，修了两回才修好。"),
        (Some(Indicator::Attitude), "请问您对工程师的服务态度怎么评价？", "态度还可以。"),
        (Some(Indicator::Timeliness), "请问您对服务的及时性怎么评价？", "不是很满意，等了一天半才来人。"),
        (Some(Indicator::Parts), "请问您对配件供应怎么评价？", "配件有点慢，等了四天，库存一般。"),
        (Some(Indicator::Overall), "总的来说，您对这次服务怎么评价？", "马马虎虎吧。"),
        (None, "请问是什么原因让您不满意呢？", "就是配件太耽误事儿了，机器停一天，我就少挣一天的钱。"),
        (None, "请问您对我们的服务还有什么意见和建议？", "配件能不能多备一点儿？"),
    ];
    said.into_iter().map(|(i, q, a)| Answer::bare(i, q, a)).collect()
}

fn scoring(c: &mut Criterion) {
    let rubric = Rubric::builtin();
    let answers = answers();
    let example: serde_json::Value =
        serde_json::from_str(include_str!("../tests/data/score/dialogue_example.json")).unwrap_or_default();
    c.bench_function("judge/answer", |b| b.iter(|| rubric.judge(black_box(&answers[5]))));
    c.bench_function("judge/call", |b| b.iter(|| score_call(rubric, black_box(&answers))));
    if let Ok(request) = serde_json::from_value::<DialogueRequest>(example["in"].clone()) {
        c.bench_function("judge/dialogue", |b| b.iter(|| audit_dialogue(rubric, black_box(&request))));
    }
}

/// The labelled calls of the evaluation sets, over and over: what a change of the rubric costs a site of ten thousand calls.
fn again(c: &mut Criterion) {
    let rubric = Rubric::builtin();
    let sets = [
        include_str!("../tests/data/eval/calls_tune.jsonl"),
        include_str!("../tests/data/eval/calls_held_out.jsonl"),
        include_str!("../tests/data/eval/calls_tune2.jsonl"),
        include_str!("../tests/data/eval/calls_held_out2.jsonl"),
    ];
    let request = |line: &str| {
        let case: serde_json::Value = serde_json::from_str(line).ok()?;
        serde_json::from_value::<DialogueRequest>(case["in"].clone()).ok()
    };
    let calls: Vec<DialogueRequest> = sets.iter().flat_map(|set| set.lines()).filter_map(request).collect();
    let mut group = c.benchmark_group("judge");
    group.sample_size(10);
    group.bench_function("ten_thousand_calls", |b| {
        b.iter(|| {
            for call in calls.iter().cycle().take(10_000) {
                black_box(audit_dialogue(rubric, black_box(call)));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, scoring, again);
criterion_main!(benches);
