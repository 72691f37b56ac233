//! `slirec catalog vectors`: a catalogue and a matrix of NumPy with a row for each product enter; the catalogue with the
//! rows as an attribute leaves.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use slirec_connect::npy::Matrix;
use slirec_core::catalog::Catalog;
use slirec_core::files::{self, StagedFile};

use crate::output;

/// Give the products of a catalogue vectors, made of their texts or pictures, for `slirec train --vector`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Catalogue
    #[arg(long, value_name = "FILE")]
    catalog: PathBuf,
    /// Matrix as numpy.save writes it, float32 or float64, a row for each product
    #[arg(long, value_name = "FILE")]
    vectors: PathBuf,
    /// Handles of the rows' products, a line each [default: the products of the catalogue in its order]
    #[arg(long, value_name = "FILE")]
    handles: Option<PathBuf>,
    /// Attribute that gets the vectors
    #[arg(long, value_name = "NAME", default_value = "vector")]
    name: String,
    /// Catalogue to write; - is standard output
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let staged = StagedFile::create(&arguments.output, arguments.force)?;
    let catalog = Catalog::read(&arguments.catalog).context("the catalogue cannot be used")?;
    let matrix = Matrix::read(&arguments.vectors)?;
    let places = places(&catalog, arguments.handles.as_deref())?;
    let (rows, expected) = (matrix.rows().len(), places.len());
    let what = if arguments.handles.is_some() { "handles" } else { "products in the catalogue" };
    ensure!(
        rows == expected,
        "{}: has {rows} rows: expected {expected}, as many as {what}",
        arguments.vectors.display()
    );
    let mut products = catalog.products().to_vec();
    for (row, place) in matrix.rows().zip(places) {
        let text: Vec<String> = row.iter().map(f32::to_string).collect();
        if let Some(product) = products.get_mut(place) {
            product.attributes.insert(&arguments.name, &text.join(" "));
        }
    }
    let without = products.iter().filter(|product| product.attributes.get(&arguments.name).is_none()).count();
    let mut written = Catalog::new(products).map_err(|(index, problem)| {
        let handle = catalog.products().get(index).map_or("", |product| &product.handle);
        anyhow::anyhow!("product `{handle}`: {problem}")
    })?;
    let declared = written.declare(catalog.declared_types().clone());
    declared.map_err(|(_, problem)| anyhow::anyhow!("{}: {problem}", arguments.catalog.display()))?;
    written.write(staged.path())?;
    staged.commit()?;
    let (output, width) = (&arguments.output, matrix.width);
    output::summarise(output, format!("{}: {rows} products have a vector of {width} numbers", output.display()))?;
    if without > 0 {
        output::warn(format!("{without} products have none: their ids and other features alone tell them apart"));
    }
    Ok(())
}

/// The product of each row.
fn places(catalog: &Catalog, handles: Option<&Path>) -> Result<Vec<usize>> {
    let Some(path) = handles else { return Ok((0..catalog.products().len()).collect()) };
    let mut places = Vec::new();
    for (line, handle) in (1..).zip(files::open_text(path)?.lines()) {
        let handle = handle.with_context(|| format!("{}:{line}: cannot be read", path.display()))?;
        match catalog.position(handle.trim()) {
            Some(place) => places.push(place),
            None => bail!("{}:{line}: `{}` is no product of the catalogue", path.display(), handle.trim()),
        }
    }
    Ok(places)
}
