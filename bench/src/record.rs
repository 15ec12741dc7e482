//! One measured value and the two lines that carry it: from a sample's process, and in the CSV file.

/// What one process measured, once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    /// `time` for the rows that enter the means; what else was measured otherwise.
    pub(crate) metric: String,
    pub(crate) unit: String,
    /// Lower is better, for every metric there is.
    pub(crate) value: f64,
    /// How the iterations inside that process were spread; absent where there was only one figure.
    pub(crate) spread: Option<Spread>,
}

/// Of the iterations inside one process, per operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) p10: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    /// Nanoseconds of CPU time per operation.
    pub(crate) cpu: f64,
    /// Context switches per operation.
    pub(crate) switches: f64,
    pub(crate) iterations: usize,
}

/// A value with its place in the run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) row: String,
    pub(crate) family: String,
    pub(crate) peer: String,
    pub(crate) round: usize,
    pub(crate) value: Value,
}

/// The first line of the CSV file.
pub(crate) const HEADER: &str = "row,family,peer,round,metric,unit,value,iteration_p10,iteration_p50,iteration_p90,cpu_ns,switches,iterations";

impl Value {
    /// `metric,unit,value,…`: the CSV line without its place.
    pub(crate) fn to_line(&self) -> String {
        let head = format!("{},{},{}", self.metric, self.unit, self.value);
        match self.spread {
            None => head + ",,,,,,",
            Some(s) => {
                format!(
                    "{head},{},{},{},{},{},{}",
                    s.p10, s.p50, s.p90, s.cpu, s.switches, s.iterations
                )
            }
        }
    }

    /// The inverse of [`Value::to_line`]; `None` for a line of another kind.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(',').collect();
        let [
            metric,
            unit,
            value,
            p10,
            p50,
            p90,
            cpu,
            switches,
            iterations,
        ] = fields.as_slice()
        else {
            return None;
        };
        let spread = if p10.is_empty() {
            None
        } else {
            Some(Spread {
                p10: p10.parse().ok()?,
                p50: p50.parse().ok()?,
                p90: p90.parse().ok()?,
                cpu: cpu.parse().ok()?,
                switches: switches.parse().ok()?,
                iterations: iterations.parse().ok()?,
            })
        };
        Some(Self {
            metric: (*metric).to_owned(),
            unit: (*unit).to_owned(),
            value: value.parse().ok()?,
            spread,
        })
    }
}

impl Sample {
    pub(crate) fn to_line(&self) -> String {
        let Self {
            row,
            family,
            peer,
            round,
            value,
        } = self;
        format!("{row},{family},{peer},{round},{}", value.to_line())
    }

    /// The inverse of [`Sample::to_line`]; `None` for the header and for comments.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut fields = line.splitn(5, ',');
        let mut word = || fields.next().map(str::to_owned);
        let (row, family, peer) = (word()?, word()?, word()?);
        let round = word()?.parse().ok()?;
        Some(Self {
            row,
            family,
            peer,
            round,
            value: Value::from_line(&word()?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_survives_its_line() {
        let spread = Spread {
            p10: 1.0,
            p50: 1.5,
            p90: 7.25,
            cpu: 3.0,
            switches: 0.5,
            iterations: 9,
        };
        for spread in [None, Some(spread)] {
            let value = Value {
                metric: "time".into(),
                unit: "ns".into(),
                value: 1.75,
                spread,
            };
            let sample = Sample {
                row: "a/b/1".into(),
                family: "f".into(),
                peer: "p".into(),
                round: 3,
                value,
            };
            assert_eq!(Sample::from_line(&sample.to_line()), Some(sample));
        }
        assert_eq!(Sample::from_line(HEADER), None);
        assert_eq!(Sample::from_line("# 2 cores"), None);
    }
}
