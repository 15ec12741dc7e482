//! The picture: a line a row, a mark a peer, at its time over the reference's. What is left of 1 is
//! lost.

use super::{Line, Report};
use plotters::element::{Circle, Cross, TriangleMarker};
use plotters::prelude::*;
use std::error::Error;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// The ends of the axis; what lies beyond is drawn at the end.
const AXIS: (f64, f64) = (0.1, 100.0);
const ROW_HEIGHT: u32 = 17;
const NAMES_WIDTH: u32 = 260;
const HEAD_HEIGHT: u32 = 96;
const WIDTH: u32 = 1060;

const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 90, 181),
    RGBColor(220, 50, 32),
    RGBColor(0, 135, 90),
    RGBColor(170, 51, 119),
    RGBColor(204, 120, 0),
    RGBColor(80, 80, 80),
    RGBColor(120, 94, 240),
];

/// The whole picture as SVG.
pub(super) fn svg(report: &Report) -> Result<String, Box<dyn Error + Send + Sync>> {
    let lines: Vec<&Line> = report
        .lines
        .iter()
        .filter(|line| {
            line.cells
                .iter()
                .any(|cell| cell.ratio.is_some_and(|ratio| ratio.median.is_finite()))
        })
        .collect();
    let mut peers: Vec<&str> = Vec::new();
    for cell in lines.iter().flat_map(|line| &line.cells) {
        if cell.peer != report.reference && !peers.contains(&cell.peer.as_str()) {
            peers.push(&cell.peer);
        }
    }
    let height = HEAD_HEIGHT + ROW_HEIGHT * lines.len() as u32 + 40;
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE)?;
        legend(&root, report, &peers)?;
        let (_, below) = root.split_vertically(HEAD_HEIGHT);
        marks(&below, &lines, &peers)?;
        root.present()?;
    }
    Ok(text)
}

fn legend(
    root: &Area<'_>,
    report: &Report,
    peers: &[&str],
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let title = format!(
        "time (or bytes, or switches) over {}'s: right of 1, {0} is ahead",
        report.reference
    );
    root.draw(&Text::new(title, (12, 10), ("sans-serif", 17)))?;
    let machine = report
        .head
        .iter()
        .take(3)
        .skip(1)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    root.draw(&Text::new(machine, (12, 32), ("sans-serif", 11)))?;
    for (index, peer) in peers.iter().enumerate() {
        let (column, row) = (index as i32 % 6, index as i32 / 6);
        let (x, y) = (20 + column * 172, 58 + row * 18);
        mark(root, index, (x, y))?;
        root.draw(&Text::new(
            (*peer).to_owned(),
            (x + 9, y - 6),
            ("sans-serif", 13),
        ))?;
    }
    Ok(())
}

fn marks(
    area: &Area<'_>,
    lines: &[&Line],
    peers: &[&str],
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let rows = lines.len() as f64;
    let mut chart = ChartBuilder::on(area)
        .margin_right(20)
        .x_label_area_size(28)
        .y_label_area_size(NAMES_WIDTH)
        .build_cartesian_2d((AXIS.0..AXIS.1).log_scale(), rows..0.0)?;
    let behind = Rectangle::new(
        [(AXIS.0, 0.0), (1.0, rows)],
        RGBColor(250, 232, 232).filled(),
    );
    chart.draw_series([behind])?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .x_labels(10)
        .x_label_formatter(&|x| format!("{x}"))
        .light_line_style(BLACK.mix(0.08))
        .draw()?;
    chart.draw_series([PathElement::new(
        [(1.0, 0.0), (1.0, rows)],
        BLACK.stroke_width(2),
    )])?;
    for (number, line) in lines.iter().enumerate() {
        let y = number as f64 + 0.5;
        let left = chart.plotting_area().map_coordinate(&(AXIS.0, y));
        let name = Text::new(
            line.name(),
            (12, left.1 - area.get_base_pixel().1 - 6),
            ("sans-serif", 12),
        );
        area.draw(&name)?;
        chart.draw_series([PathElement::new(
            [(AXIS.0, y), (AXIS.1, y)],
            BLACK.mix(0.12),
        )])?;
        for (index, peer) in peers.iter().enumerate() {
            let Some(ratio) = line.cell(peer).and_then(|cell| cell.ratio) else {
                continue;
            };
            let clamp = |value: f64| {
                if value.is_nan() {
                    1.0
                } else {
                    value.clamp(AXIS.0, AXIS.1)
                }
            };
            let colour = COLOURS[index % COLOURS.len()];
            let interval = [(clamp(ratio.low), y), (clamp(ratio.high), y)];
            chart.draw_series([PathElement::new(interval, colour.mix(0.5).stroke_width(2))])?;
            let place = chart
                .plotting_area()
                .map_coordinate(&(clamp(ratio.median), y));
            let base = area.get_base_pixel();
            mark(area, index, (place.0 - base.0, place.1 - base.1))?;
        }
    }
    Ok(())
}

/// Colour and shape together tell more peers apart than either.
fn mark(area: &Area<'_>, index: usize, at: (i32, i32)) -> Result<(), Box<dyn Error + Send + Sync>> {
    let colour = COLOURS[index % COLOURS.len()];
    match index / COLOURS.len() {
        0 => area.draw(&Circle::new(at, 4, colour.filled()))?,
        1 => area.draw(&TriangleMarker::new(at, 5, colour.filled()))?,
        _ => area.draw(&Cross::new(at, 4, colour.stroke_width(2)))?,
    }
    Ok(())
}
