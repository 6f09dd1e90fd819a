//! Names of parts and oils → families (D09): 机油格 and 机油滤芯 are both 机滤, 三滤 is three of them.
//!
//! Contract: pure table; a name without a family is its own.

/// Every spoken or written name of a family, the family first.
const FAMILIES: [(&str, &[&str]); 11] = [
    ("机滤", &["机滤", "机油滤芯", "机油滤清器", "机油格", "机油滤", "机油滤子"]),
    ("柴滤", &["柴滤", "柴油滤芯", "柴油滤清器", "柴油格", "柴油滤", "柴油滤子", "燃油滤芯", "燃油滤清器", "燃油滤"]),
    ("粗滤", &["粗滤", "柴油粗滤", "柴滤粗"]),
    ("精滤", &["精滤", "柴油精滤", "柴滤精", "细滤"]),
    ("油水分离器", &["油水分离器", "油水分离", "水分离器", "油水", "油水滤", "油水滤芯"]),
    ("空滤", &["空滤", "空气滤芯", "空气滤清器", "空气格", "空气滤", "空气滤子"]),
    ("润滑脂", &["润滑脂", "黄油", "黄甘油", "黄干油", "牛油"]),
    ("机油", &["机油", "发动机油"]),
    ("主泵", &["主泵", "液压泵", "液压主泵"]),
    ("起动机", &["起动机", "启动机", "启动马达", "起动马达"]),
    ("齿轮油", &["齿轮油", "终传动油", "回转齿轮油"]),
];

/// The three filters of the diesel line: each of them is a 柴滤.
const DIESEL: [&str; 3] = ["粗滤", "精滤", "油水分离器"];

/// The family of one name, the name itself where there is none.
pub fn family_of(name: &str) -> &str {
    FAMILIES.iter().find(|(_, names)| names.contains(&name)).map_or(name, |(family, _)| family)
}

/// What a name stands for: 三滤 are 机滤, 柴滤 and 空滤.
pub(super) fn families(name: &str) -> Vec<&str> {
    match name {
        "三滤" => vec!["机滤", "柴滤", "空滤"],
        "四滤" => vec!["机滤", "柴滤", "空滤", "液压油滤芯"],
        _ => vec![family_of(name)],
    }
}

/// 柴滤 is named by any of its three, and names them all.
pub(super) fn covered(family: &str, said: &std::collections::BTreeSet<&str>) -> bool {
    said.contains(family)
        || family == "柴滤" && DIESEL.iter().any(|d| said.contains(d))
        || DIESEL.contains(&family) && said.contains("柴滤")
        || said.contains("滤芯") && family.ends_with('滤')
}
