//! One measured value, and the line that carries it: from a process that measures, and in the CSV file.

/// What is measured of a row, and which way is better.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    pub(crate) metric: String,
    pub(crate) unit: String,
    pub(crate) value: f64,
}

/// One runtime at one row in one round: figures, or why there are none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) row: String,
    pub(crate) runtime: String,
    pub(crate) round: usize,
    pub(crate) outcome: Result<Vec<Value>, String>,
}

/// The first line of the CSV file.
pub(crate) const HEADER: &str = "row,runtime,round,metric,unit,value";

/// The metric of a sample that counts for nothing; the reason stands in place of the unit.
const INVALID: &str = "invalid";

/// The only unit of which more is better.
pub(crate) const PER_SECOND: &str = "/s";

impl Value {
    pub(crate) fn new(metric: &str, unit: &str, value: f64) -> Self {
        let (metric, unit) = (metric.to_owned(), unit.to_owned());
        Self {
            metric,
            unit,
            value,
        }
    }

    pub(crate) fn to_line(&self) -> String {
        format!("{},{},{}", self.metric, self.unit, self.value)
    }

    /// The inverse of [`Value::to_line`]; `None` for a line of another kind.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut fields = line.splitn(3, ',');
        let (metric, unit) = (fields.next()?, fields.next()?);
        Some(Self::new(metric, unit, fields.next()?.parse().ok()?))
    }
}

impl Sample {
    pub(crate) fn to_lines(&self) -> String {
        let Self {
            row,
            runtime,
            round,
            outcome,
        } = self;
        let place = format!("{row},{runtime},{round}");
        match outcome {
            Ok(values) => values
                .iter()
                .map(|value| format!("{place},{}\n", value.to_line()))
                .collect(),
            Err(why) => format!("{place},{INVALID},{},\n", why.replace([',', '\n'], ";")),
        }
    }

    /// The inverse of [`Sample::to_lines`] for a whole file, in which what belongs together stands together.
    pub(crate) fn from_text(text: &str) -> Vec<Self> {
        let mut samples: Vec<Self> = Vec::new();
        for line in text.lines() {
            let Some(sample) = Self::from_line(line) else {
                continue;
            };
            let place = |sample: &Self| (sample.row.clone(), sample.runtime.clone(), sample.round);
            match (samples.last_mut(), &sample.outcome) {
                (Some(last), Ok(more)) if place(last) == place(&sample) => {
                    if let Ok(values) = &mut last.outcome {
                        values.extend_from_slice(more);
                    }
                }
                _ => samples.push(sample),
            }
        }
        samples
    }

    /// A line with one value; `None` for the header and for comments.
    fn from_line(line: &str) -> Option<Self> {
        let mut fields = line.splitn(4, ',');
        let (row, runtime) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        let round = fields.next()?.parse().ok()?;
        let rest = fields.next()?;
        let outcome = match rest.strip_prefix(INVALID) {
            Some(why) => Err(why.trim_matches(',').to_owned()),
            None => Ok(vec![Value::from_line(rest)?]),
        };
        Some(Self {
            row,
            runtime,
            round,
            outcome,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_survive_their_lines() {
        let sample = |round, outcome| Sample {
            row: "a/b".to_owned(),
            runtime: "r".to_owned(),
            round,
            outcome,
        };
        let values = vec![
            Value::new("p50", "µs", 1.5),
            Value::new("requests", PER_SECOND, 7e4),
        ];
        let samples = [
            sample(0, Ok(values)),
            sample(1, Err("3 timeouts; a reset".to_owned())),
            sample(2, Ok(vec![Value::new("p50", "µs", 0.25)])),
        ];
        let text: String = samples.iter().map(Sample::to_lines).collect();
        let text = format!("# 2 cores, a kernel, 3 more\n{HEADER}\n{text}");
        assert_eq!(Sample::from_text(&text), samples);
    }
}
