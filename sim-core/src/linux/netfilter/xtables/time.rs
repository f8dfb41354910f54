//! `time`, as xt_time.c decides, against the time of the capture.

use super::content::option;
use crate::evidence::xtables::Extension;

/// No capture was taken before: the format is younger (2025-01-01T00:00:00Z).
const FORMAT_BORN: i64 = 1_735_689_600;
const DAY: i64 = 86_400;
/// Dates without bound (`xt_time.h`).
const NEVER: i64 = i32::MAX as i64;

/// What a `time` match asks for.
struct Wanted {
    dates: (i64, i64),
    times: (i64, i64),
    weekdays: u32,
    monthdays: u32,
    contiguous: bool,
}

/// Whether the match holds at `now` (seconds since 1970); `None` where it depends on the time and that is not known.
pub(super) fn holds(extension: &Extension, now: Option<i64>) -> Option<bool> {
    let wanted = read(extension)?;
    if let Some(now) = now {
        return Some(wanted.at(now));
    }
    let (first, last) = wanted.dates;
    if last < FORMAT_BORN {
        return Some(false);
    }
    let always = first <= FORMAT_BORN
        && last >= NEVER
        && wanted.times == (0, DAY - 1)
        && wanted.weekdays == ALL_WEEKDAYS
        && wanted.monthdays == ALL_MONTHDAYS;
    always.then_some(true)
}

/// Bits 1 to 7: Monday to Sunday.
const ALL_WEEKDAYS: u32 = 0xfe;
/// Bits 1 to 31.
const ALL_MONTHDAYS: u32 = 0xffff_fffe;

fn read(extension: &Extension) -> Option<Wanted> {
    let text = |name: &str| option(extension, name);
    let date = |name: &str, default| match text(name) {
        None => Some(default),
        Some((text, _)) => moment(text),
    };
    let time = |name: &str, default| match text(name) {
        None => Some(default),
        Some((text, _)) => time_of_day(text),
    };
    let days = |name: &str, all: u32, number: fn(&str) -> Option<u32>| match text(name) {
        None => Some(all),
        Some((list, negated)) => {
            let bits = list
                .split(',')
                .try_fold(0, |bits, day| Some(bits | 1u32.checked_shl(number(day)?)?))?;
            Some(if negated { all & !bits } else { bits })
        }
    };
    Some(Wanted {
        dates: (date("--datestart", 0)?, date("--datestop", NEVER)?),
        times: (time("--timestart", 0)?, time("--timestop", DAY - 1)?),
        weekdays: days("--weekdays", ALL_WEEKDAYS, weekday)?,
        monthdays: days("--monthdays", ALL_MONTHDAYS, |day| day.parse().ok())?,
        contiguous: text("--contiguous").is_some(),
    })
}

impl Wanted {
    /// `time_mt()`
    fn at(&self, now: i64) -> bool {
        let mut now = now;
        if now < self.dates.0 || now > self.dates.1 {
            return false;
        }
        let time = now.rem_euclid(DAY);
        let (start, stop) = self.times;
        if start < stop {
            if time < start || time > stop {
                return false;
            }
        } else {
            if time < start && time > stop {
                return false;
            }
            if self.contiguous && time <= stop {
                now -= DAY;
            }
        }
        let days = now.div_euclid(DAY);
        // 1970 began on a Thursday.
        let weekday = u32::try_from((days + 3).rem_euclid(7) + 1).unwrap_or(0);
        let monthday = u32::try_from(civil(days).2).unwrap_or(0);
        let has = |bits: u32, bit: u32| bits & 1u32.checked_shl(bit).unwrap_or(0) != 0;
        has(self.weekdays, weekday) && has(self.monthdays, monthday)
    }
}

fn weekday(text: &str) -> Option<u32> {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let place = NAMES.iter().position(|name| *name == text)?;
    u32::try_from(place + 1).ok()
}

/// `2001-01-01T00:00:00`, also with a `Z` behind it, as seconds since 1970.
pub(crate) fn moment(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00"));
    let mut parts = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let is_date =
        (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then_some(())?;
    let time = time.split('.').next().unwrap_or(time);
    Some(days_since_1970(year, month, day) * DAY + time_of_day(time)?)
}

fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':').map(str::parse::<i64>);
    let (hours, minutes) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let seconds = parts.next().transpose().ok()?.unwrap_or(0);
    let is_time =
        (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..=60).contains(&seconds);
    is_time.then_some(hours * 3600 + minutes * 60 + seconds)
}

/// Days of the proleptic Gregorian calendar, years beginning in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The year, month and day of a day since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_are_those_of_the_calendar() {
        assert_eq!(moment("1970-01-01T00:00:00"), Some(0));
        assert_eq!(moment("2024-02-29T12:00:01Z"), Some(1_709_208_001));
        assert_eq!(moment("2024-13-01T00:00:00"), None);
        for day in [0, 58, 59, 60, 11_016, 19_782, 19_783] {
            let (year, month, of_month) = civil(day);
            assert_eq!(days_since_1970(year, month, of_month), day);
        }
    }

    #[test]
    fn a_stretch_over_midnight_belongs_to_both_days() {
        let night = Wanted {
            dates: (0, NEVER),
            times: (22 * 3600, 6 * 3600),
            weekdays: 1 << 1,
            monthdays: ALL_MONTHDAYS,
            contiguous: false,
        };
        // 2024-01-01 was a Monday.
        let at = |text: &str| night.at(moment(text).unwrap());
        assert!(at("2024-01-01T23:00:00"));
        assert!(at("2024-01-01T05:00:00"));
        assert!(!at("2024-01-01T12:00:00"));
        assert!(!at("2024-01-02T05:00:00"));
        let contiguous = Wanted {
            contiguous: true,
            ..night
        };
        assert!(contiguous.at(moment("2024-01-02T05:00:00").unwrap()));
    }
}
