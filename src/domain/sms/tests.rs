use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

static BUILTIN: LazyLock<SmsTemplates> = LazyLock::new(|| SmsTemplates::builtin().unwrap());

/// Monday.
const RECEIVED: &str = "2026-11-23T15:00+08:00";

fn read(text: &str) -> Result<SmsOrder, Unread> {
    BUILTIN.read(text, RECEIVED.parse().unwrap(), &TimeZone::get("Asia/Shanghai").unwrap())
}

/// One line for a table: template, order, customer, phone, type, product, hours, engineer, finished.
fn line(sms: &SmsOrder) -> String {
    let Order { no, service_type, customer, claims } = &sms.order;
    let text = |t: &Option<String>| t.clone().unwrap_or("-".into());
    let title = customer.title.map_or("-".to_string(), |t| format!("{t:?}"));
    let hours = claims.reported_hours.map_or("-".to_string(), |h| h.to_string());
    let tz = TimeZone::get("Asia/Shanghai").unwrap();
    let finished = claims.finished_at.map_or("-".to_string(), |t| t.to_zoned(tz).strftime("%m-%d %H:%M").to_string());
    [
        sms.template.clone(),
        no.to_string(),
        text(&customer.name),
        title,
        customer.phone.e164().trim_start_matches("+86").to_string(),
        service_type.name().to_string(),
        text(&claims.product),
        hours,
        text(&claims.engineer),
        finished,
    ]
    .join(" ")
}

#[test]
fn the_four_styles_are_read_as_they_are_written() {
    #[track_caller]
    fn check(text: &str, want: &str) {
        let sms = read(text).unwrap_or_else(|e| panic!("{text}\n{e}"));
        assert_eq!(line(&sms), want, "{text}");
        assert!(sms.notes.is_empty(), "{text}: {:?}", sms.notes);
    }
    // 【…】
    check(
        "【福田雷沃】服务完工通知：订单FL20261123001，客户张建国先生(13812345678)，机型FR220D2-HD，保养服务，报单小时1000H，服务工程师李强，完工时间2026-11-23 14:30",
        "方括号通知 FL20261123001 张建国 Mr 13812345678 保养 FR220D2-HD 1000 李强 11-23 14:30",
    );
    check(
        "【福田雷沃】报完工：工单号：FL-7，用户：王丽女士，电话：010-62345678，产品：FR60，服务类型：质保期外修理，小时数：2350.5，工程师：赵刚(13912345678)，完成时间：今天下午2点半。回T退订",
        "方括号通知 FL-7 王丽 Ms 1062345678 质保期外修理 FR60 2350.5 赵刚 11-23 14:30",
    );
    check(
        "[雷沃重工]完工短信:订单FL8,客户赵师傅(13812345678),机型FR80,交机服务,工程师李强",
        "方括号通知 FL8 赵 Master 13812345678 交机 FR80 - 李强 -",
    );
    check(
        "【福田雷沃】完工通知：订单ＦＬ２０２６，客户张建国（１３８１２３４５６７８），机型ＦＲ２２０，1000H保养，报单小时１０００Ｈ，工程师李强，完工时间１１月２３日１４：３０",
        "方括号通知 FL2026 张建国 - 13812345678 保养 FR220 1000 李强 11-23 14:30",
    );
    check(
        "【福田雷沃】服務完工通知：訂單FL9，客戶張建國先生（13812345678），機型FR220，質保期內維修，報單小時壹仟貳佰小時，工程師陳強，完工時間昨天下午五點四十分",
        "方括号通知 FL9 张建国 Mr 13812345678 质保期内修理 FR220 1200 陈强 11-22 17:40",
    );
    check(
        "【福田雷沃】完工通知：订单FL10，客户孙伟先生(138-1234-5678)，技术咨询，工程师李强，完工时间10:05",
        "方括号通知 FL10 孙伟 Mr 13812345678 技术咨询 - - 李强 11-23 10:05",
    );
    // key: value
    check(
        "报完工\n订单号：WO-20261123-017\n客户：王丽女士\n电话：138 1234 5678\n机型：SY75C\n服务类型：保养\n工程师：赵刚 13912345678\n小时数：500\n完工时间：今天14:30",
        "逐项填写 WO-20261123-017 王丽 Ms 13812345678 保养 SY75C 500 赵刚 11-23 14:30",
    );
    check(
        "完工时间：2026/11/23 09:05\n类型：用户投诉\n手机：13812345678\n工单：A1\n备注：客户要求尽快",
        "逐项填写 A1 - - 13812345678 用户投诉 - - - 11-23 09:05",
    );
    check(
        "工单号:B2;客户姓名:刘洋;性别:男;联系电话:13812345678;产品型号:XE215;服务类型:保内维修;工作小时:3,150.5小时;服务工程师:陈志远;完成时间:11-23 08:10",
        "逐项填写 B2 刘洋 Mr 13812345678 质保期内修理 XE215 3150.5 陈志远 11-23 08:10",
    );
    check(
        "订单：C3\r\n用户：何先生\r\n电话：+86 13812345678\r\n服务类型：零件购买\r\n",
        "逐项填写 C3 何 Mr 13812345678 零件购买 - - - -",
    );
    check("单号：D4\n电话：95588\n类别：接收检查服务", "逐项填写 D4 - - 95588 接收检查 - - - -");
    // one sentence
    check(
        "您好，工单20261123-88已完工：今天下午两点半为客户刘洋师傅（电话13812345678）的SY215C挖掘机完成质保期外维修，机器工作1200小时，工程师陈志远。",
        "一句话 20261123-88 刘洋 Master 13812345678 质保期外修理 SY215C 1200 陈志远 11-23 14:30",
    );
    check(
        "工单99已经完成，昨晚8点给用户周敏女士(13812345678)的ZX200做了保养，工程师马超(13912345678)，请回访",
        "一句话 99 周敏 Ms 13812345678 保养 ZX200 - 马超 11-22 20:00",
    );
    check(
        "订单E5报完工，已于11月23日上午10点为客户吴刚(手机 13812345678)的CLG922E挖机做完了保外维修，工程师马超",
        "一句话 E5 吴刚 - 13812345678 质保期外修理 CLG922E - 马超 11-23 10:00",
    );
    check(
        "订单E6已完工：为客户吴刚(13812345678)的CLG922E完成保养，运行一千二百五十小时，工程师马超",
        "一句话 E6 吴刚 - 13812345678 保养 CLG922E 1250 马超 -",
    );
    // pipes
    check(
        "WG|TJ20261123009|孙伟|先生|13812345678|CLG922E|保内维修|1580|周涛|2026-11-23 15:30",
        "竖线分隔 TJ20261123009 孙伟 Mr 13812345678 质保期内修理 CLG922E 1580 周涛 11-23 15:30",
    );
    check("完工|F6|孙伟||13812345678||交机服务|||", "竖线分隔 F6 孙伟 - 13812345678 交机 - - - -");
    check(
        "WG｜F7｜李娜｜小姐｜13812345678｜FR60｜技术咨询｜800小时｜周涛｜14点10分｜备注随便写",
        "竖线分隔 F7 李娜 Ms 13812345678 技术咨询 FR60 800 周涛 11-23 14:10",
    );
}

#[test]
fn every_service_type_of_the_source_text_is_read() {
    for kind in ServiceType::ALL {
        let text = format!("WG|X{}|孙伟|先生|13812345678|CLG922E|{}|1580|周涛|15:30", kind.name().len(), kind.name());
        assert_eq!(read(&text).unwrap().order.service_type, kind);
    }
}

#[test]
fn all_claims_of_a_full_report_are_kept() {
    let sms = read(
        "订单号：G7\n客户：王丽\n电话：13812345678\n机型：SY75C\n机号：SY007CA\n类型：保外维修\n工程师：赵刚 13912345678\n代理商：鲁工\n\
         小时数：500\n报修时间：昨天 16:00\n到达现场时间：今天 9:30\n完工时间：今天 11:00\n故障：液压泵漏油\n处理：更换密封圈\n\
         更换配件：密封圈、液压油\n服务地点：潍坊市坊子区\n费用：1,200元",
    )
    .unwrap();
    let c = &sms.order.claims;
    let tz = TimeZone::get("Asia/Shanghai").unwrap();
    let clock = |t: Option<Timestamp>| t.unwrap().to_zoned(tz.clone()).strftime("%d %H:%M").to_string();
    assert_eq!(
        (clock(c.requested_at), clock(c.arrived_at), clock(c.finished_at)),
        ("22 16:00".into(), "23 09:30".into(), "23 11:00".into())
    );
    assert_eq!((c.fault.as_deref(), c.fix.as_deref()), (Some("液压泵漏油"), Some("更换密封圈")));
    assert_eq!(c.parts, ["密封圈", "液压油"]);
    assert_eq!((c.location.as_deref(), c.fee_yuan), (Some("潍坊市坊子区"), Some(1200.0)));
    assert_eq!((c.dealer.as_deref(), c.machine_no.as_deref()), (Some("鲁工"), Some("SY007CA")));
    assert_eq!(c.engineer_phone.as_ref().map(Phone::national), Some("13912345678"));
    assert!(sms.notes.is_empty(), "{:?}", sms.notes);
}

#[test]
fn what_cannot_be_read_says_what_a_person_should_do() {
    #[track_caller]
    fn check(text: &str, want: &str) {
        let reason = read(text).expect_err(text).to_string();
        assert!(reason.contains(want), "{text}\n{reason}");
        assert!(!reason.contains('\n') && !reason.contains("3812345678"), "{reason}");
    }
    check("", "空的");
    check("  \n\u{feff} ", "空的");
    check(&"好".repeat(1001), "1001 个字");
    check("晚上一起吃饭吗", "没有模板");
    check("您的验证码是 123456", "没有模板");
    check("【福田雷沃】祝您生日快乐！", "没有模板");
    check("订单号：H8\n类型：保养", "客户电话不能拨打");
    check("订单号：H8\n电话：138123456\n类型：保养", "位数或号段不对");
    check("订单号：H8\n电话：13812345678/13912345678\n类型：保养", "不止一个号码");
    check("订单号：H8\n电话：0536-7606988转802\n类型：保养", "分机号");
    check("订单号：H8\n电话：110\n类型：保养", "紧急号码");
    check("订单号：H8\n电话：13812345678\n类型：洗车", "服务类型不认识：“洗车”");
    check("订单号：H8\n电话：13812345678", "服务类型不认识");
    check("电话：13812345678\n类型：保养", "订单号不能用");
    check("订单号：——\n电话：13812345678\n类型：保养", "订单号不能用");
    check(&format!("订单号：{}\n电话：13812345678\n类型：保养", "9".repeat(41)), "订单号不能用");
    check("WG|I9|孙伟|先生|1381234|CLG922E|保内维修|1580|周涛|15:30", "位数或号段不对");
    check("WG|I9|孙伟|先生|13812345678|CLG922E|加油|1580|周涛|15:30", "服务类型不认识：“加油”");
    check("WG|I9|孙伟|13812345678", "没有模板");
    check("【福田雷沃】完工通知：订单J1，客户张建国先生(无)，机型FR220，保养服务，工程师李强", "客户电话不能拨打");
}

#[test]
fn an_optional_field_that_cannot_be_read_is_noted_and_does_not_hold_the_order_up() {
    let sms = read("WG|K1|孙伟|先生|13812345678|CLG922E|保养|很多|周涛|下班前").unwrap();
    assert_eq!((sms.order.claims.reported_hours, sms.order.claims.finished_at), (None, None));
    assert_eq!(sms.notes, ["小时数“很多”没有读懂", "完工时间“下班前”没有读懂"]);
}

#[test]
fn a_date_without_a_year_is_the_latest_that_has_been() {
    let tz = TimeZone::get("Asia/Shanghai").unwrap();
    let received = "2027-01-01T08:00+08:00".parse().unwrap();
    let sms = BUILTIN.read("WG|L1|孙伟|先生|13812345678|X|保养|1|周涛|12-31 17:30", received, &tz).unwrap();
    assert_eq!(sms.order.claims.finished_at, Some("2026-12-31T17:30+08:00".parse().unwrap()));
}

#[test]
fn a_template_of_the_site_is_compiled_or_refused_with_its_name() {
    #[track_caller]
    fn check(list: &[(&str, &str)], want: &str) {
        let error = SmsTemplates::compile(list).err().expect("refused").to_string();
        assert!(error.contains(want) && !error.contains('\n'), "{error}");
    }
    let good = "^单(?P<order_no>\\d+)，(?P<phone>\\d+)，(?P<service_type>.+)（完）$";
    let own = SmsTemplates::compile(&[("自有", good)]).unwrap();
    let tz = TimeZone::get("Asia/Shanghai").unwrap();
    for text in ["单7，13812345678，保养（完）", "单7,13812345678,保养(完)", "單７，１３８１２３４５６７８，保養（完）"]
    {
        let sms = own.read(text, RECEIVED.parse().unwrap(), &tz).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((sms.template.as_str(), sms.order.no.as_str()), ("自有", "7"));
    }
    check(&[], "got 0");
    check(&[("坏", "(?P<order_no>")], "坏");
    check(&[("缺", "(?P<order_no>x)(?P<phone>y)")], "service_type");
    check(&[("错", "(?P<order_no>x)(?P<phone>y)(?P<service_type>z)(?P<telephone>t)")], "telephone");
    check(&[("同", good), ("同", good)], "twice");
}

#[test]
fn a_later_template_may_read_what_an_earlier_one_only_recognised() {
    let list = [
        ("宽", "(?P<order_no>\\d+) (?P<phone>\\d+) (?P<service_type>.+)"),
        ("准", "^(?P<order_no>\\d+) (?P<phone>\\d+) (?P<service_type>保养)加机油$"),
    ];
    let tz = TimeZone::get("Asia/Shanghai").unwrap();
    let sms =
        SmsTemplates::compile(&list).unwrap().read("7 13812345678 保养加机油", RECEIVED.parse().unwrap(), &tz).unwrap();
    assert_eq!(sms.template, "准");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fuzzed_texts_never_panic_and_never_leak_a_number(text in "(【福田雷沃】|WG\\||订单号：|工单|电话：|客户|完工时间|类型：|保养|13812345678|今天|下午|[0-9一二十点半:：，,;；\n|()（）。 ]|\\PC){0,30}") {
        if let Err(reason) = read(&text) {
            prop_assert!(!reason.to_string().contains("13812345678") || matches!(reason, Unread::ServiceType { .. } | Unread::OrderNo { .. }), "{}", reason);
        }
    }

    #[test]
    fn any_unicode_never_panics(text in any::<String>()) {
        let _ = read(&text);
    }

    #[test]
    fn a_broken_tail_of_a_good_text_never_panics(cut in 0_usize..140) {
        let good = "【福田雷沃】服务完工通知：订单FL20261123001，客户张建国先生(13812345678)，机型FR220D2-HD，保养服务，报单小时1000H，服务工程师李强，完工时间2026-11-23 14:30";
        let text: String = good.chars().take(cut).collect();
        let _ = read(&text);
    }
}
