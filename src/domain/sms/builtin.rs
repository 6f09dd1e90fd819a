//! The shipped templates: four styles in which dealers' systems and engineers report a finished order.
//!
//! Fields are matched loosely on purpose (`[^,]+` for a phone): a wrong phone number must be reported as one, not as an unknown style.
//! Patterns are written with ASCII punctuation; see the module above for why `：` in a text matches `:` here.

/// 【福田雷沃】服务完工通知：订单FL20261123001，客户张建国先生(13812345678)，机型FR220D2-HD，保养服务，报单小时1000H，工程师李强，完工时间2026-11-23 14:30
const BRACKETED: &str = r"(?x)
    ^ (?: 【[^】]{1,30}】 | \[[^\]]{1,30}\] ) \s*
    (?:服务)? (?:报完工|完工) (?:通知|短信|报告)? \s* [:,] \s*
    (?:服务)? (?:订单|工单) 号? :? \s* (?P<order_no>[A-Za-z0-9_/-]+) \s* [,;] \s*
    (?:客户|用户) :? \s* (?P<customer>[^,;()0-9+]+?) (?P<title>先生|女士|小姐|师傅)? \s* ,? \s* \(? \s*
    (?: (?:联系)? 电话 :? \s* )? (?P<phone>[^,;()]+?) \s* \)? \s* [,;] \s*
    (?: (?:机型|产品|设备) :? \s* (?P<product>[^,;]+) [,;] \s* )?
    (?: 服务类型 :? \s* )? (?P<service_type>[^,;:]+?) \s* [,;] \s*
    (?: (?:报单|工作)? 小时数? :? \s* (?P<hours>[^,;]+) [,;] \s* )?
    (?:服务)? 工程师 :? \s* (?P<engineer>[^,;()0-9。]+?) \s* \(? (?P<engineer_phone>[0-9+\ -]{5,20})? \)? \s*
    (?: [,;] \s* (?:完工|完成) 时间 :? \s* (?P<finished_at>[^,;。]+) )?
    (?: [,;。] [\s\S]* )? $
";

/// 订单号：WO-17 ⏎ 客户：王丽女士 ⏎ 电话：… : one `key: value` per line or between semicolons, in any order; unknown keys are skipped.
const KEY_VALUE: &str = r"(?x)
    ^ (?: [^:\n;]{0,40} [\n;] )?
    (?: \s* (?:
        (?:服务)? (?:订单|工单|单) (?:编?号)? \s* : \s* (?P<order_no>[^\n;]*)
      | (?:客户|用户|车主|联系人) (?:姓名|名称)? \s* : \s* (?P<customer>[^\n;]*)
      | (?:称呼|性别) \s* : \s* (?P<title>[^\n;]*?) [\ ]*
      | (?:客户|用户|联系)? (?:电话|手机号?码?) \s* : \s* (?P<phone>[^\n;]*)
      | (?:机型|产品|设备|产品型号) \s* : \s* (?P<product>[^\n;]*)
      | (?:机号|整机编号|出厂编号) \s* : \s* (?P<machine_no>[^\n;]*)
      | (?:服务)? 类[型别] \s* : \s* (?P<service_type>[^\n;]*)
      | (?:服务)? 工程师 \s* : \s* (?P<engineer>[^\n;0-9]*) (?P<engineer_phone>[0-9+][0-9\ -]{4,20})? [\ ]*
      | (?:代理商|服务站) \s* : \s* (?P<dealer>[^\n;]*)
      | (?:工作|报单|运行)? 小时数? \s* : \s* (?P<hours>[^\n;]*)
      | 报修时间 \s* : \s* (?P<requested_at>[^\n;]*)
      | (?:到达|到场) (?:现场)? 时间 \s* : \s* (?P<arrived_at>[^\n;]*)
      | (?:完工|完成) 时间 \s* : \s* (?P<finished_at>[^\n;]*)
      | (?:故障|故障现象) \s* : \s* (?P<fault>[^\n;]*)
      | (?:处理|处理结果|处理方法) \s* : \s* (?P<fix>[^\n;]*)
      | (?:配件|更换配件|更换部件) \s* : \s* (?P<parts>[^\n;]*)
      | (?:服务)? (?:地点|地址) \s* : \s* (?P<location>[^\n;]*)
      | (?:费用|收费|金额) \s* : \s* (?P<fee>[^\n;]*)
      | [^:\n;]{1,20} : [^\n;]*
      | [^:\n;]{1,40}
    ) \s* (?: [\n;]+ | $ ) )+ $
";

/// 工单20261123-88已完工：今天下午两点半为客户刘洋师傅（电话13812345678）的SY215C挖掘机完成质保期外维修，机器工作1200小时，工程师陈志远。
const SENTENCE: &str = r"(?x)
    ^ (?: 您好 [,!。]? \s* )? (?:服务)? (?:订单|工单) 号? :? \s* (?P<order_no>[A-Za-z0-9_/-]+) \s* (?: 已 (?:经)? (?:完工|完成) | 报完工 ) \s* [:,。] \s*
    (?: 我?已?[于在]? (?P<finished_at>[^为给,]+?) )? [为给] (?:客户|用户) \s* (?P<customer>[^,;()0-9+]+?) (?P<title>先生|女士|小姐|师傅)? \s*
    \( \s* (?: (?:联系)? (?:电话|手机) :? \s* )? (?P<phone>[^()]+?) \s* \) \s*
    的 \s* (?P<product>[^,。]+?) (?:挖掘机|挖机)? \s* (?: 完成了? | 做完了? | 做了 ) \s* (?P<service_type>[^,。]+?) \s* [,。] \s*
    (?: (?:机器|设备|整机)? (?:已)? (?:工作|运行) 了? \s* (?P<hours>[^,。]+?) \s* [,。] \s* )?
    (?:服务)? 工程师 :? \s* (?P<engineer>[^,;()0-9。]+?) \s* (?: \(? (?P<engineer_phone>[0-9+][0-9\ -]{4,20}) \)? )? \s*
    (?: [,。;!] [\s\S]* )? $
";

/// WG|TJ20261123009|孙伟|先生|13812345678|CLG922E|保内维修|1580|周涛|2026-11-23 15:30: by position; an unknown value is an empty place.
const PIPES: &str = r"(?x)
    ^ \s* (?: WG | 完工 | 报完工 ) \s*
    \| (?P<order_no>[^|]*) \| (?P<customer>[^|]*) \| \s* (?P<title>[^|]*?) \s* \| (?P<phone>[^|]*) \| (?P<product>[^|]*) \| (?P<service_type>[^|]*)
    \| (?P<hours>[^|]*) \| (?P<engineer>[^|]*) \| (?P<finished_at>[^|\n]*) (?: \| [\s\S]* )? $
";

pub(super) const TEMPLATES: [(&str, &str); 4] =
    [("方括号通知", BRACKETED), ("逐项填写", KEY_VALUE), ("一句话", SENTENCE), ("竖线分隔", PIPES)];
