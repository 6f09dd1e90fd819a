//! The twelve simulated customers, from the SMS to the visit report, over real SIP and RTP and with the real recognisers.

mod with_models {
    use huifang::app::App;
    use huifang::config::{Config, Trunk};
    use huifang::demo::customer::load_all;
    use huifang::demo::ear::PromptEar;
    use huifang::demo::phone::Phone;
    use huifang::demo::talk::{Customer, ear};
    use huifang::domain::score::Indicator;
    use huifang::media::prompts::Prompts;
    use serde_json::{Value, json};
    use std::collections::HashMap;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::Duration;

    /// Two rounds of three minutes of talk, and the transcripts on the cores there are.
    const LIMIT: Duration = Duration::from_secs(25 * 60);

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
    }

    fn models() -> PathBuf {
        std::env::var_os("HUIFANG_MODELS").map_or_else(|| root().join("models"), PathBuf::from)
    }

    /// Where it is mid-morning now: calling hours (A13) hold at any hour of the test.
    fn config(data: &Path, trunk: &str) -> Config {
        let mut config = Config::load(None).unwrap();
        config.site.timezone = huifang::demo::mid_morning_zone(jiff_now());
        config.site.work_hours = vec!["00:00-24:00".into()];
        config.site.holidays = "every_day".into();
        config.http.listen = "127.0.0.1:0".parse().unwrap();
        config.database.url = format!("sqlite://{}", data.join("huifang.db").display());
        config.recordings.store = data.join("recordings");
        config.recordings.min_free_mb = 20;
        config.sip.listen = vec!["udp:127.0.0.1:0".into()];
        config.trunks = vec![Trunk::new("test", trunk)];
        config.trunks[0].max_calls_per_second = 20.0;
        config.dialer.max_voice_calls = 6;
        config.data.programmes = root().join("programmes");
        config.data.rubrics = root().join("rubrics");
        config.data.prompts = root().join("prompts");
        config.data.models = models();
        config
    }

    fn jiff_now() -> jiff::Timestamp {
        use huifang::clock::Clock;
        huifang::clock::SystemClock.now()
    }

    /// Takes every call and lets the customer of the dialled number talk.
    async fn answer_calls(mut phone: Phone, customers: HashMap<String, Arc<Customer>>, prompts: Arc<Prompts>) {
        while let Some(call) = phone.incoming().await {
            let dialled = call.dialled();
            let Some(customer) = customers.get(&dialled).cloned() else { panic!("nobody has number {dialled}") };
            let ear: PromptEar = ear(&prompts);
            tokio::spawn(async move { customer.talk(call, ear).await });
        }
    }

    struct Api {
        base: String,
        token: String,
        client: reqwest::Client,
    }

    impl Api {
        async fn get(&self, path: &str) -> Value {
            let url = format!("{}{path}", self.base);
            let answer = self.client.get(&url).bearer_auth(&self.token).send().await.unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            answer.json().await.unwrap()
        }

        async fn post(&self, path: &str, body: Value) -> Value {
            let url = format!("{}{path}", self.base);
            let answer = self.client.post(&url).bearer_auth(&self.token).json(&body).send().await.unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
            answer.json().await.unwrap()
        }

        /// The report of the visit's first call once everything about it is known.
        async fn report(&self, visit: &str) -> Option<Value> {
            let calls = self.get(&format!("/api/v1/calls?visit={visit}")).await;
            let call = calls["items"].as_array()?.last()?;
            if call["outcome"].is_null() {
                return None;
            }
            let report = self.get(&format!("/api/v1/calls/{}/report", call["id"].as_str()?)).await;
            (report["complete"] == true).then_some(report)
        }
    }

    /// Twelve live conversations with real recognisers on a machine that others may use too are not the same twice: a floor, with
    /// every difference printed. On a quiet machine nothing differs.
    const ENDS_MIN: usize = 11;
    const CELLS_MIN: usize = 57;

    /// One row of the table: what the script expects, what the report says.
    struct Row {
        id: String,
        end_right: bool,
        /// Of the five indicators.
        cells_right: usize,
        differences: Vec<String>,
    }

    fn compare(customer: &Customer, report: &Value) -> Row {
        let expected = &customer.script().expected;
        let mut differences = vec![];
        let end = report["call"]["conversation"]["kind"].as_str().unwrap_or("none");
        let end_right = end == expected.outcome;
        let mut cells_right = 0;
        if !end_right {
            differences.push(format!("outcome {end}, expected {}", expected.outcome));
        }
        for indicator in Indicator::ALL {
            let want = expected.scores.get(indicator.name()).copied().flatten();
            let scores = report["scorecard"]["scores"].as_array().unwrap();
            let score = scores.iter().find(|s| s["indicator"] == indicator.name()).unwrap();
            let got = score["level"].as_u64().map(|l| u8::try_from(l).unwrap());
            cells_right += usize::from(got == want);
            if got != want {
                differences.push(format!("{} {got:?}, expected {want:?}", indicator.name()));
            }
        }
        if report["call"]["hung_up_by"] != "customer" {
            differences.push(format!("hung up by {}", report["call"]["hung_up_by"]));
        }
        Row { id: customer.script().id.clone(), end_right, cells_right, differences }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn all_twelve_customers_are_called_and_judged_as_their_scripts_expect() {
        rustls::crypto::ring::default_provider().install_default().ok();
        let data = tempfile::tempdir().unwrap();
        let prompts = Arc::new(Prompts::load(&root().join("prompts")).unwrap());
        let only = std::env::var("HUIFANG_CUSTOMER").unwrap_or_default();
        let customers: Vec<Arc<Customer>> = load_all(&root().join("demo/customers"))
            .unwrap()
            .into_iter()
            .filter(|script| script.id.starts_with(&only))
            .map(|script| Arc::new(Customer::new(script).unwrap()))
            .collect();
        let number = |n: usize| format!("138001380{:02}", n + 1);
        let phone = Phone::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let app = App::start(config(data.path(), &format!("sip:{}", phone.addr()))).await.unwrap();
        let by_number = customers.iter().enumerate().map(|(n, c)| (number(n), c.clone())).collect();
        tokio::spawn(answer_calls(phone, by_number, prompts));

        let token = app.first_administrator.as_ref().unwrap().token.clone();
        let api = Api { base: format!("http://{}", app.http), token, client: reqwest::Client::new() };
        let mut visits = vec![];
        for (n, customer) in customers.iter().enumerate() {
            let text = customer.script().completion_sms(&format!("FL{n:03}"), &number(n), "2026-11-21 09:50").unwrap();
            let sms = json!({ "message_id": format!("m{n}"), "from": "10690000", "to": "10691234", "text": text,
                              "received_at": jiff_now().to_string() });
            let answer = api.post("/api/v1/sms", sms).await;
            visits.push(answer["visit_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned());
        }

        let started = huifang::clock::monotonic();
        let mut events = app.engine.events().subscribe();
        let mut reports: HashMap<usize, Value> = HashMap::new();
        while reports.len() < customers.len() {
            assert!(
                huifang::clock::monotonic().duration_since(started) < LIMIT,
                "only {} of {} reports were made",
                reports.len(),
                customers.len()
            );
            // Any news may complete a report; without news it is looked at again all the same.
            tokio::time::timeout(Duration::from_secs(20), events.recv()).await.ok();
            for (n, visit) in visits.iter().enumerate() {
                if !reports.contains_key(&n)
                    && let Some(report) = api.report(visit).await
                {
                    reports.insert(n, report);
                }
            }
        }

        let (mut ends, mut cells) = (0, 0);
        for (n, customer) in customers.iter().enumerate() {
            let row = compare(customer, &reports[&n]);
            ends += usize::from(row.end_right);
            cells += row.cells_right;
            println!(
                "{:32} {}",
                row.id,
                if row.differences.is_empty() { "as expected".into() } else { row.differences.join("; ") }
            );
            if !row.differences.is_empty() {
                println!("{}", huifang::demo::report::render(&reports[&n]));
            }
        }
        app.stop().await.unwrap();
        let missing = 12 - customers.len();
        println!("{ends} of {} ends and {cells} of {} cells as expected", customers.len(), 5 * customers.len());
        assert!(ends + missing >= ENDS_MIN && cells + 5 * missing >= CELLS_MIN, "see the table above");
    }
}
