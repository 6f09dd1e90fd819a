//! Are two descriptions of a place the same place?
//!
//! Contract: pure; people shorten (泉城县柳埠镇高架工地 → 柳埠), so the places are the same when a telling piece of one stands in the
//! other. It knows no map.

/// Words that say nothing about where.
const GENERIC: [&str; 34] = [
    "工地", "现场", "那边", "这边", "附近", "旁边", "里面", "外面", "那个", "这个", "地方", "施工", "干活", "现在",
    "我们", "一个", "那里", "这里", "上面", "下面", "东边", "西边", "南边", "北边", "项目", "标段", "老家", "中国",
    "公司", "有限", "路上", "县里", "市里", "村里",
];

/// So many characters in a row are telling.
const PIECE: usize = 2;

pub(super) fn same(claimed: &str, said: &str) -> bool {
    let (a, b) = (pieces(claimed), plain(said));
    a.iter().any(|p| b.contains(p.as_str())) || pieces(said).iter().any(|p| plain(claimed).contains(p.as_str()))
}

fn plain(text: &str) -> String {
    let mut text: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    for word in GENERIC {
        // A gap, so that the words around it do not grow together.
        text = text.replace(word, " ");
    }
    text
}

/// Every run of two characters that carries a name.
fn pieces(text: &str) -> Vec<String> {
    let plain = plain(text);
    let runs = plain.split_whitespace().map(|r| r.chars().collect::<Vec<char>>()).collect::<Vec<_>>();
    let whole = runs.iter().flat_map(|r| r.windows(PIECE)).map(|w| w.iter().collect::<String>());
    whole.filter(|p| !p.chars().all(|c| "省市县区镇乡村路街的在了边".contains(c))).collect()
}
