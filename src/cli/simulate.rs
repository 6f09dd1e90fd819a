//! `huifang simulate`: who would be called when with so many seats, what would be late and why, and how many seats are enough.
//!
//! Decided by the planner of the engine on a virtual clock (`domain::simulate`); nothing is dialled and no database is opened.

mod csv;
mod plot;

use super::ConfigFile;
use crate::domain::calendar::Calendar;
use crate::domain::id::OrderNo;
use crate::domain::programme::Programme;
use crate::domain::simulate::{Assumptions, Completion, Dice, Ladder, Report, RowEnd, Scene, run as simulate};
use crate::engine::site::Site;
use anyhow::{Context, bail, ensure};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// Nobody has more.
const SEATS_MOST: u32 = 4096;
/// Causes that are listed.
const CAUSES_MAX: usize = 10;
/// One generated completion in so many comes after hours.
const AFTER_HOURS: u64 = 10;
/// Ten million would be a mistake.
const COMPLETIONS_MAX: usize = 5_000_000;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// A file of `programmes/` without `.toml`; the site's own when left out
    #[arg(long)]
    programme: Option<String>,
    /// CSV with `order_no,completed_at`; times in RFC 3339 or local time of the site
    #[arg(long, value_name = "FILE", required_unless_present = "generate")]
    completions: Option<PathBuf>,
    /// Make up so many completions instead, one in ten after hours
    #[arg(long, value_name = "N", conflicts_with = "completions")]
    generate: Option<usize>,
    /// First day of what is generated
    #[arg(long, default_value = "2026-11-23")]
    from: Date,
    /// Working days over which it is spread
    #[arg(long, default_value_t = 1)]
    days: u32,
    /// Write what was generated, as --completions reads it
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    #[arg(long)]
    seats: u32,
    /// Seats kept idle; `dialer.reserve_idle_seats` when left out
    #[arg(long)]
    reserve: Option<u32>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Share of calls that are answered and make the visit, 0 to 1
    #[arg(long, default_value_t = Assumptions::default().completed)]
    answer_rate: f64,
    #[arg(long, default_value_t = Assumptions::default().busy)]
    busy_rate: f64,
    #[arg(long, default_value_t = Assumptions::default().hung_up)]
    hang_up_rate: f64,
    #[arg(long, default_value_t = Assumptions::default().ring_s)]
    ring_s: u32,
    /// Mean length of a conversation
    #[arg(long, default_value_t = Assumptions::default().talk_s)]
    talk_s: u32,
    #[arg(long, default_value_t = Assumptions::default().wrap_up_s)]
    wrap_up_s: u32,
    /// Write one line for every completion
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Draw share on time by seats, and occupancy by hour
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Do not look for the number of seats that is enough
    #[arg(long)]
    no_search: bool,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.config.load()?;
    let site = Site::load(&config)?;
    let name = args.programme.as_deref().unwrap_or(&config.site.programme);
    let programme = site.rules.programmes.get(name).with_context(|| format!("there is no programme {name:?}"))?;
    let calendar = &site.rules.calendar;
    ensure!((1..=SEATS_MOST).contains(&args.seats), "--seats {}: want 1 to {SEATS_MOST}", args.seats);
    let completions = completions(args, calendar)?;
    let scene = Scene {
        programme,
        calendar,
        completions: &completions,
        seats: args.seats,
        reserve: args.reserve.unwrap_or(config.dialer.reserve_idle_seats),
        assume: args.assumptions()?,
    };
    let report = simulate(&scene);
    let mut ladder = Ladder::default();
    ladder.0.insert(scene.seats, report.share_on_time());
    let shares = if args.no_search { vec![] } else { vec![0.90, 0.95, 0.99] };
    let needed: Vec<(f64, Option<u32>)> =
        shares.into_iter().map(|share| (share, ladder.seats_for(&scene, share, SEATS_MOST))).collect();
    if let Some(file) = &args.csv {
        write(file, &csv::rows(&completions, &report, calendar.tz()))?;
    }
    if let Some(file) = &args.svg {
        write(file, &plot::svg(&scene, &report, &ladder))?;
    }
    std::io::stdout().write_all(table(&scene, programme, &report, &needed).as_bytes())?;
    Ok(())
}

fn write(file: &PathBuf, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| file.display().to_string())
}

impl Args {
    fn assumptions(&self) -> anyhow::Result<Assumptions> {
        let rates = [self.answer_rate, self.busy_rate, self.hang_up_rate];
        ensure!(
            rates.iter().all(|rate| (0.0..=1.0).contains(rate)) && rates.iter().sum::<f64>() <= 1.0 + 1e-9,
            "--answer-rate, --busy-rate and --hang-up-rate: want shares of 0 to 1, together no more than 1"
        );
        ensure!(
            self.ring_s <= 300 && self.talk_s <= 7200 && self.wrap_up_s <= 7200,
            "a call is no longer than two hours"
        );
        Ok(Assumptions {
            completed: self.answer_rate,
            busy: self.busy_rate,
            hung_up: self.hang_up_rate,
            ring_s: self.ring_s,
            talk_s: self.talk_s,
            wrap_up_s: self.wrap_up_s,
            seed: self.seed,
        })
    }
}

/// In order of time.
fn completions(args: &Args, calendar: &Calendar) -> anyhow::Result<Vec<Completion>> {
    let mut list = match (&args.completions, args.generate) {
        (Some(file), _) => {
            let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
            csv::read(&bytes, calendar.tz()).with_context(|| file.display().to_string())?
        }
        (None, Some(n)) => generate(n, args.from, args.days, args.seed, calendar)?,
        (None, None) => bail!("want --completions or --generate"),
    };
    ensure!(list.len() <= COMPLETIONS_MAX, "want at most {COMPLETIONS_MAX} completions");
    list.sort_by(|a, b| (a.at, a.order_no.as_str()).cmp(&(b.at, b.order_no.as_str())));
    if let Some(file) = &args.write {
        write(file, &csv::completions(&list, calendar.tz()))?;
    }
    Ok(list)
}

/// Evenly over the working time of `days` working days, one in ten in the evening after.
fn generate(n: usize, from: Date, days: u32, seed: u64, calendar: &Calendar) -> anyhow::Result<Vec<Completion>> {
    ensure!((1..=366).contains(&days), "--days: want 1 to 366");
    ensure!((1..=COMPLETIONS_MAX).contains(&n), "--generate: want 1 to {COMPLETIONS_MAX}");
    let start = from.to_zoned(calendar.tz().clone()).context("--from")?.timestamp();
    let mut openings = vec![];
    let mut day = start;
    while openings.len() < days as usize {
        let opening = calendar.next_opening(day);
        let next = opening.to_zoned(calendar.tz().clone()).date().tomorrow().context("--from")?;
        day = next.to_zoned(calendar.tz().clone()).context("--from")?.timestamp();
        openings.push((opening, calendar.working_between(opening, day), day));
    }
    let mut dice = Dice::new(seed);
    let made = (0..n).map(|i| {
        let place = usize::try_from(dice.below(u64::from(days))).unwrap_or_default();
        let (opening, work, midnight) = openings[place];
        let evening = dice.below(AFTER_HOURS) == 0;
        let into = Duration::from_secs(dice.below(work.as_secs().max(1)) + 1);
        let at = calendar.add_working(opening, into);
        let left = midnight.duration_since(calendar.add_working(opening, work)).as_secs().max(1);
        let late =
            midnight - jiff::SignedDuration::from_secs(i64::try_from(dice.below(left.unsigned_abs())).unwrap_or(1));
        Completion { order_no: OrderNo::new(format!("SIM-{i:07}")), at: if evening { late } else { at } }
    });
    Ok(made.collect())
}

#[allow(clippy::cast_precision_loss, reason = "counts of visits are far below 2^52")]
fn percent(part: usize, of: usize) -> f64 {
    if of == 0 { 100.0 } else { 100.0 * part as f64 / of as f64 }
}

fn table(scene: &Scene, programme: &Programme, report: &Report, needed: &[(f64, Option<u32>)]) -> String {
    let rows = &report.rows;
    let of = |wanted: &dyn Fn(&crate::domain::simulate::Row) -> bool| rows.iter().filter(|row| wanted(row)).count();
    let on_time = of(&|row| row.is_on_time());
    let mut out = String::new();
    let mut line = |what: &str, text: String| _ = writeln!(out, "{what:<22}{text}");
    line("programme", format!("{} {}", programme.named_version(), programme.title));
    // B01: a floor as high as the house.
    let nobody = if scene.seats <= scene.reserve { ": nobody is ever called (--reserve)" } else { "" };
    line("seats", format!("{}, {} of them kept idle{nobody}", scene.seats, scene.reserve));
    line("completions", format!("{}, seed {}", rows.len(), scene.assume.seed));
    line("first call on time", format!("{on_time} ({:.1} %)", percent(on_time, rows.len())));
    line("late", format!("{}", of(&|row| row.late_cause.is_some())));
    line("escalated", format!("{}", of(&|row| row.escalated)));
    line("visit made", format!("{}", of(&|row| matches!(row.end, RowEnd::Completed(_)))));
    line("for another channel", format!("{}", of(&|row| matches!(row.end, RowEnd::Closed(_)))));
    line("for a person", format!("{}", of(&|row| row.end == RowEnd::Open)));
    line("calls", format!("{}", report.calls));
    let hours = occupancy(report, scene.calendar.tz(), scene.seats);
    if let Some((hour, busiest)) = hours.iter().max_by(|a, b| a.1.total_cmp(b.1)) {
        line("busiest hour", format!("{hour:02}:00, seats held {:.0} % of the time", busiest * 100.0));
    }
    for (share, seats) in needed {
        let seats = seats.map_or_else(|| format!("more than {SEATS_MOST} seats"), |seats| format!("{seats} seats"));
        line(&format!("{:.0} % on time need", share * 100.0), seats);
    }
    let mut causes: BTreeMap<String, usize> = BTreeMap::new();
    for cause in rows.iter().filter_map(|row| row.late_cause.as_deref()) {
        *causes.entry(without_numbers(cause)).or_default() += 1;
    }
    let mut causes: Vec<_> = causes.into_iter().collect();
    causes.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    for (cause, n) in causes.into_iter().take(CAUSES_MAX) {
        line("late because", format!("{n:>7}  {cause}"));
    }
    out
}

/// Causes that differ in times and counts only are one; the numbers of rules stay.
fn without_numbers(cause: &str) -> String {
    let mut out = String::new();
    let mut rule = false;
    for c in cause.chars() {
        rule = c.is_ascii_uppercase() || (rule && c.is_ascii_digit());
        match c {
            '0'..='9' if rule => out.push(c),
            '0'..='9' | ':' | '-' if out.ends_with('…') => {}
            '0'..='9' => out.push('…'),
            other => out.push(other),
        }
    }
    out
}

/// Share of the seats' time in which they were held, by hour of the day, over the days on which any was.
fn occupancy(report: &Report, tz: &TimeZone, seats: u32) -> BTreeMap<i8, f64> {
    let mut held: BTreeMap<i8, (u64, u64)> = BTreeMap::new();
    for (hour, seconds) in &report.busy_s {
        let Ok(at) = jiff::Timestamp::from_second(hour.saturating_mul(3600)) else { continue };
        let (all, hours) = held.entry(at.to_zoned(tz.clone()).hour()).or_default();
        *all += seconds;
        *hours += 1;
    }
    #[allow(clippy::cast_precision_loss, reason = "seconds of a simulation are far below 2^52")]
    let share = |(all, hours): (u64, u64)| all as f64 / (hours as f64 * 3600.0 * f64::from(seats.max(1)));
    held.into_iter().map(|(hour, sum)| (hour, share(sum))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn calendar() -> Calendar {
        Calendar::new(&config::Site::default().hours()).unwrap()
    }

    #[test]
    fn what_is_generated_lies_on_working_days_and_is_read_back_as_it_was_written() {
        let calendar = calendar();
        let made = generate(500, "2026-11-20".parse().unwrap(), 3, 9, &calendar).unwrap();
        let (first, last) = (made.iter().map(|c| c.at).min().unwrap(), made.iter().map(|c| c.at).max().unwrap());
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        assert!(first >= at("2026-11-20T08:00+08:00") && last <= at("2026-11-25T00:00+08:00"), "{first} {last}");
        let weekend = at("2026-11-21T00:00+08:00")..at("2026-11-23T00:00+08:00");
        assert!(made.iter().all(|c| !weekend.contains(&c.at)));
        let read = csv::read(csv::completions(&made, calendar.tz()).as_bytes(), calendar.tz()).unwrap();
        assert_eq!(read, made);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        let tz = TimeZone::get("Asia/Shanghai").unwrap();
        let check = |bytes: &[u8], want: &str| {
            let error = format!("{:#}", csv::read(bytes, &tz).unwrap_err());
            assert!(error.contains(want) && !error.contains('\n'), "{error}");
        };
        check(b"order_no,completed_at\nSO-1,2026-11-23T09:00\nSO-2,soon\n", "line 3: \"soon\" is no time");
        check(b"SO-1\n", "line 1: want order_no,completed_at");
        check(b",2026-11-23T09:00\n", "line 1: \"\" is no order number");
        check(b"SO-1;2026-11-23T09:00\n", "line 1: want order_no,completed_at");
        check(b"SO-1,2026-02-30T09:00\n", "line 1: \"2026-02-30T09:00\" is no time");
        // GBK: 下午 is CF C2 CE E7 there. UTF-16 as Excel's "Unicode text".
        check(b"order_no,completed_at\r\nSO-1,\xcf\xc2\xce\xe7\r\n", "line 2: \"下午\" is no time");
        check(b"\xff\xfeo\0r\0", "line 1: is neither UTF-8 nor GBK");
        for empty in ["", "\u{feff}", "\r\n\r\n", "order_no,completed_at\n"] {
            check(empty.as_bytes(), "holds no completions");
        }
    }

    #[test]
    fn a_file_as_excel_saves_it_is_read_whatever_its_marks_quotes_and_line_ends() {
        let tz = TimeZone::get("Asia/Shanghai").unwrap();
        let plain = csv::read(b"SO-1,2026-11-23T09:00", &tz).unwrap();
        assert_eq!((plain.len(), plain[0].at), (1, "2026-11-23T09:00+08:00".parse().unwrap()));
        for text in [
            "\u{feff}order_no,completed_at\r\nSO-1,2026-11-23T09:00\r\n",
            "\"order_no\",\"completed_at\"\n\n\"SO-1\",\"2026-11-23 09:00:00\"\n",
            "order_no,completed_at,dealer\nSO-1, 2026-11-23T01:00:00Z ,福田\n",
            "SO-1,2026/11/23 9:00\r\n",
            "SO-1,2026/11/23 9:00:00\r\n",
        ] {
            assert_eq!(csv::read(text.as_bytes(), &tz).unwrap(), plain, "{text}");
        }
        // GBK: 订单1 of 福田.
        let gbk = b"order_no,completed_at,dealer\r\n\xb6\xa9\xb5\xa51,2026/11/23 9:00,\xb8\xa3\xcc\xef\r\n";
        let read = csv::read(gbk, &tz).unwrap();
        assert_eq!((read[0].order_no.as_str(), read[0].at), ("订单1", plain[0].at));
    }

    #[test]
    fn local_times_of_a_day_when_clocks_change_are_read_and_written_with_their_offset() {
        let tz = TimeZone::get("America/New_York").unwrap();
        let read = |text: &str| csv::read(format!("SO-1,{text}\n").as_bytes(), &tz).unwrap();
        // The hour that is not there is the one after; of the hour that is there twice it is the first.
        for (text, written) in [
            ("2026-03-08T02:30", "2026-03-08T03:30:00-04:00"),
            ("2026-11-01T01:30", "2026-11-01T01:30:00-04:00"),
            ("2026-11-01T01:30-05:00", "2026-11-01T01:30:00-05:00"),
        ] {
            let list = read(text);
            assert_eq!(csv::completions(&list, &tz), format!("order_no,completed_at\nSO-1,{written}\n"), "{text}");
            assert_eq!(read(written), list);
        }
    }

    #[test]
    fn causes_that_differ_in_numbers_only_are_counted_together() {
        let one = without_numbers("前面还有12个更紧急的回访，最早 09:30 拨打");
        assert_eq!(one, without_numbers("前面还有3个更紧急的回访，最早 10:05 拨打"));
        let rule = without_numbers("按规则 A04 要间隔 60 分钟，最早 11:42 再拨");
        assert_eq!(rule, "按规则 A04 要间隔 … 分钟，最早 … 再拨");
    }
}
