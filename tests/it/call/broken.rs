//! What is in the way is said in one line or one `why`, nothing is dialled, and nothing is lost.

use super::{NUMBER, has_rung, phone, reason};
use crate::support::api::text;
use crate::support::{Station, config, start, until};
use huifang::app::App;
use huifang::config::Config;
use std::net::SocketAddr;

#[tokio::test]
async fn c01_without_a_recorder_no_invite_leaves_and_why_says_so() {
    let mut phone = phone().await;
    let station = Station::start(phone.addr()).await;
    // Root may write anywhere, so a folder without write permission would not do.
    std::fs::remove_dir_all(station.recordings()).unwrap();
    std::fs::write(station.recordings(), "not a folder").unwrap();
    let visit = station.api.report("FL-1", NUMBER).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["fault"])), ("recorder_failed".into(), "us".into()), "{row}");
    assert!(row["invited_at"].is_null() && row["recording"].is_null(), "{row}");
    assert!(text(&row["detail"]).contains("recordings"), "{row}");
    assert!(!has_rung(&mut phone), "an INVITE without a recorder");
    let after = station.api.visit(&visit).await;
    assert_eq!(
        (reason(&after), &after["state"]["reason"]["rule"]),
        ("retry_spacing".into(), &"recorder_failed".into())
    );
    let why = text(&station.api.why(&visit).await["text"]);
    assert!(why.contains("录音失败") && why.contains("需要人工处理"), "{why}");
    station.finish().await;
}

/// Nothing is dialled, the visit waits as it was, and `why` has this code and these words.
async fn check_waits(code: &str, words: &str, change: impl FnOnce(&mut Config)) {
    let mut phone = phone().await;
    let station = Station::start_with(phone.addr(), change).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let why = until("the reason is known", async || {
        let why = station.api.why(&visit).await;
        (why["code"] == code).then_some(why)
    })
    .await;
    assert!(text(&why["text"]).contains(words), "{why}");
    let after = station.api.visit(&visit).await;
    assert_eq!((reason(&after), &after["attempts"]), ("new".into(), &0.into()));
    assert!(station.api.calls(&visit).await.is_empty());
    assert!(!has_rung(&mut phone));
    station.finish().await;
}

#[tokio::test]
async fn c01_below_the_disk_floor_nothing_is_dialled_and_why_says_so() {
    check_waits("disk_low", "按规则 C01 不能录音就不呼叫", |config| {
        config.recordings.min_free_mb = u64::MAX
    })
    .await;
}

#[tokio::test]
async fn a_trunk_that_is_down_or_missing_and_a_dialler_that_is_off_leave_every_visit_waiting() {
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let registrar = format!("sip:{}", silent.local_addr().unwrap());
    check_waits("trunk_down", "line：", |config| {
        let trunk = &mut config.trunks[0];
        trunk.uri = registrar;
        (trunk.register, trunk.username, trunk.password) = (true, Some("u".into()), Some("p".into()));
    })
    .await;
    check_waits("trunk_down", "没有配置任何中继线路", |config| config.trunks.clear()).await;
    check_waits("dialing_off", "外呼已停用", |config| config.dialer.enabled = false).await;
}

#[tokio::test]
async fn a_trunk_that_cannot_be_reached_is_the_trunk_s_fault_and_is_tried_again_soon() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let station =
        Station::start_with(address, |config| config.trunks[0].uri = format!("sip:{address};transport=tcp")).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["fault"])), ("trunk_failure".into(), "trunk".into()), "{row}");
    let why = text(&station.api.why(&visit).await["text"]);
    assert!(why.contains("线路故障，间隔 1 分钟"), "{why}");
    station.finish().await;
}

/// A start that must fail, with all of these words in one line.
async fn check_start(words: &[&str], change: impl FnOnce(&mut Config)) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), "sip:127.0.0.1:9");
    change(&mut config);
    let error = start(&config).await.map(|app: App| app.http).expect_err("a start that must fail");
    let line = format!("{error:#}");
    assert!(!line.contains('\n'), "{line}");
    for word in words {
        assert!(line.contains(word), "{word:?} is not in {line:?}");
    }
}

#[tokio::test]
async fn a_start_that_cannot_be_names_what_is_in_the_way_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let http: SocketAddr = taken.local_addr().unwrap();
    check_start(&["http.listen", &http.port().to_string(), "taken"], |config| config.http.listen = http).await;
    let busy = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let holder = std::net::UdpSocket::bind(("127.0.0.1", busy)).unwrap();
    check_start(&["sip.listen", &busy.to_string()], |config| config.sip.listen = vec![format!("udp:127.0.0.1:{busy}")])
        .await;
    drop(holder);
    check_start(&["excavator", "calling"], |config| {
        let file = config.data.programmes.join("excavator.toml");
        let text = std::fs::read_to_string(&file).unwrap().replace("08:00-20:00", "8 to 8");
        std::fs::write(file, text).unwrap();
    })
    .await;
    check_start(&["programmes/missing.toml"], |config| config.site.programme = "missing".into()).await;
    check_start(&["consultation", "nope"], |config| {
        let file = config.data.programmes.join("scripts/excavator/consultation.toml");
        let text = std::fs::read_to_string(&file).unwrap().replace("ask_consult_solved\"]", "nope\"]");
        std::fs::write(file, text).unwrap();
    })
    .await;
    check_start(&["goodbye.wav"], |config| std::fs::write(config.data.prompts.join("goodbye.wav"), "RIFF").unwrap())
        .await;
    check_start(&["recordings"], |config| std::fs::write(&config.recordings.store, "a file").unwrap()).await;
    check_start(&["huifang.db"], |config| {
        std::fs::write(config.database.url.trim_start_matches("sqlite://"), vec![7; 4096]).unwrap();
    })
    .await;
}
