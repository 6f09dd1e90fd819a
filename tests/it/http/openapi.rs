//! The committed description equals the served one, and describes every path.

use super::site::Site;
use reqwest::StatusCode;
use serde_json::Value;
use std::path::Path;

/// Set to write the committed copy anew.
const BLESS: &str = "HUIFANG_BLESS";

#[tokio::test]
async fn the_committed_openapi_is_the_served_one() {
    let site = Site::start().await;
    let answer = site.client.get(format!("{}/api/openapi.json", site.base)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "no token is needed");
    let served = answer.text().await.unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&file, &served).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == served,
        "docs/openapi.json is not what is served: run `{BLESS}=1 cargo test --test it openapi`"
    );
    site.stop().await;
}

#[tokio::test]
async fn every_path_of_the_contract_is_described_with_its_errors_and_its_need_of_a_token() {
    let api: Value = serde_json::to_value(huifang::http::description()).unwrap();
    assert_eq!(api["openapi"], "3.1.0");
    let v1 = [
        "/sms get? post",
        "/session get delete",
        "/inbox get",
        "/inbox/{id} get post delete",
        "/orders/{order_no} get put",
        "/orders/{order_no}/events post",
        "/opt-outs get post",
        "/opt-outs/{id}/withdraw post",
        "/promises get post",
        "/promises/{id} get",
        "/promises/{id}/tell post",
        "/promises/{id}/confirm post",
        "/promises/{id}/withdraw post",
        "/promises/{id}/assign post",
        "/programmes get",
        "/programmes/reload post",
        "/visits get",
        "/visits/{id} get",
        "/visits/{id}/why get",
        "/visits/{id}/dial post",
        "/visits/{id}/reschedule post",
        "/visits/{id}/cancel post",
        "/calls get",
        "/calls/{id} get",
        "/calls/{id}/sip get",
        "/calls/{id}/sip.txt get",
        "/calls/{id}/sip/ladder.txt get",
        "/calls/{id}/sip/ladder.svg get",
        "/calls/{id}/report get",
        "/reports get",
        "/reports/{report} get",
        "/reports/{report}/submit post",
        "/reports/submissions get",
        "/reports/submissions/{id} get",
        "/calls/{id}/recording get",
        "/calls/{id}/peaks get",
        "/calls/{id}/transcript get",
        "/calls/{id}/transcript.json get",
        "/calls/{id}/transcript.vtt get",
        "/calls/{id}/transcript.srt get",
        "/calls/{id}/transcript.txt get",
        "/calls/{id}/scorecard get",
        "/calls/{id}/scorecard/{indicator} put",
        "/calls/{id}/facts get",
        "/calls/{id}/findings get",
        "/complaints get post",
        "/complaints/{id} get",
        "/complaints/{id}/form post",
        "/complaints/{id}/hand-over post",
        "/complaints/{id}/approve post",
        "/complaints/{id}/reject post",
        "/complaints/{id}/slip post",
        "/complaints/{id}/slip-result post",
        "/complaints/{id}/reply post",
        "/complaints/{id}/site-visit post",
        "/complaints/{id}/site-result post",
        "/complaints/{id}/handled post",
        "/complaints/{id}/second-call post",
        "/complaints/{id}/close post",
        "/complaints/{id}/reopen post",
        "/complaints/{id}/checked post",
        "/complaints/{id}/take-over post",
        "/trunks get",
        "/seat get",
        "/seats get",
        "/seats/{seat} get put",
        "/seats/{seat}/release post",
        "/calls/{call}/supervise post delete",
        "/calls/{call}/take_over post",
        "/calls/{call}/end post",
        "/calls/{id}/listen post",
        "/agents/scorecards get",
        "/agents/{id}/scorecard get",
        "/reviews get",
        "/calls/{id}/review get",
        "/calls/{id}/review/claim post",
        "/calls/{id}/review/release post",
        "/calls/{id}/review/finish post",
        "/calls/{id}/review/reopen post",
        "/calls/{id}/qa get",
        "/calls/{id}/qa/versions get",
        "/calls/{id}/qa/{item} put",
        "/disputes get",
        "/calls/{id}/disputes post",
        "/disputes/{id}/steps post",
        "/calibrations get post",
        "/calibrations/{id} get",
        "/calibrations/{id}/sheet put",
        "/calibrations/{id}/close post",
        "/rescoring get post",
        "/rescoring/{id} get",
        "/rescoring/{id}/adopt post",
        "/rescoring/{id}/drop post",
        "/score post",
        "/events get",
    ];
    for line in v1 {
        let (path, methods) = line.split_once(' ').unwrap();
        let described = &api["paths"][format!("/api/v1{path}")];
        for method in methods.split(' ').filter(|m| !m.ends_with('?')) {
            let operation = &described[method];
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(
                operation["responses"]["4XX"]["content"]["application/problem+json"].is_object(),
                "{method} {path}"
            );
            assert!(operation.get("security").is_none(), "{method} {path} takes the token of all");
        }
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(api["paths"][path]["get"]["security"], serde_json::json!([{}]), "{path} is open");
    }
    let sign_in = &api["paths"]["/api/v1/session"]["post"];
    assert_eq!(sign_in["security"], serde_json::json!([{}]), "who signs in has no token yet");
    let listen = &api["paths"]["/api/v1/listen/{ticket}"]["get"];
    assert_eq!(listen["security"], serde_json::json!([{}]), "the ticket is the key");
    assert_eq!(api["paths"].as_object().unwrap().len(), v1.len() + 4, "a path that this test does not know");
    assert_eq!(api["security"], serde_json::json!([{"token": []}]));
    assert_eq!(api["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let outcomes = &api["components"]["schemas"]["OutcomeName"]["enum"];
    assert_eq!(outcomes.as_array().map(Vec::len), Some(11), "the names are the domain's: {outcomes}");
}

#[tokio::test]
async fn the_docs_page_is_in_the_binary() {
    let site = Site::start().await;
    let page = site.client.get(format!("{}/api/docs", site.base)).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().contains("swagger-ui"));
    let script = site.client.get(format!("{}/api/docs/swagger-ui-bundle.js", site.base)).send().await.unwrap();
    assert_eq!(script.status(), StatusCode::OK);
    let set_up = site.client.get(format!("{}/api/docs/swagger-initializer.js", site.base)).send().await.unwrap();
    assert!(set_up.text().await.unwrap().contains("/api/openapi.json"));
    site.stop().await;
}
