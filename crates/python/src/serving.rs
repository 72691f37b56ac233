//! A bundle that answers: histories and frames of sessions enter, recommendations leave. The interpreter's lock is
//! released while the engine's threads score.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use slirec_connect::frames::{AnswerColumns, AnswerRow};
use slirec_core::catalog::Product;
use slirec_core::event::Event;
use slirec_core::product_set::ProductSet;
use slirec_core::vocabulary::KnownUser;
use slirec_engine::{Engine, EngineOptions, RecommendationRequest, Recommendations, Selection, ViewHistory};
use slirec_merchandising::Merchandising;

use crate::answers;
use crate::errors::{failure, unusable};
use crate::frame::{self, Frame};
use crate::options::{self, Options, Question, Shopper};
use crate::sessions::{Names, Sessions};

/// Sessions that are answered between two looks at the signals of the process.
const AT_ONCE: usize = 4_096;

/// Rows of answers in a batch, about: the texts of a column of one are counted by 32 bits.
const ROWS_AT_ONCE: usize = 1 << 18;

/// Names that are copied for every session; of more, the products are looked up once.
const FEW_NAMES: usize = 64;

/// Views among which the viewed product is looked for, as in the service.
const LAST_VIEWS: usize = 100;

/// Handle, GID, title, category and score.
type Answered = (String, String, String, String, f32);

/// A loaded bundle.
#[pyclass(frozen, module = "slirec._slirec")]
pub(crate) struct Bundle {
    engine: Engine,
    merchandising: Merchandising,
}

#[pymethods]
impl Bundle {
    /// Loads and verifies a bundle directory.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf, onnxruntime: Option<PathBuf>, workers: usize) -> PyResult<Self> {
        let options = EngineOptions { onnxruntime, workers, ..EngineOptions::default() };
        py.detach(|| {
            let engine = Engine::load(&path, &options).map_err(failure)?;
            let (merchandising, _) = Merchandising::new(engine.catalog(), None).map_err(failure)?;
            Ok(Self { engine, merchandising })
        })
    }

    /// The manifest as JSON.
    fn manifest(&self) -> PyResult<String> {
        serde_json::to_string(self.engine.model()).map_err(failure)
    }

    /// SHA-256 of the manifest.
    #[getter]
    fn sha256(&self) -> &str {
        self.engine.sha256()
    }

    /// Which code computes: `fused` or `stock`.
    #[getter]
    fn kernels(&self) -> &'static str {
        self.engine.kernels().name()
    }

    /// The products of the catalogue.
    fn products(&self) -> PyResult<Frame> {
        answers::products(self.engine.catalog()).map_err(failure)
    }

    /// The best products after one history of names, times and events: source, number of unknown views, products. What
    /// has no time counts as just now, as in the service.
    fn recommend(
        &self,
        py: Python<'_>,
        history: Vec<(String, Option<f64>, Option<String>)>,
        shopper: Shopper,
        options: Options,
    ) -> PyResult<(&'static str, usize, Vec<Answered>)> {
        let question = self.question(options)?;
        let mut views = ViewHistory::new();
        for (name, time, event) in history {
            let event = event.map(|name| {
                Event::of_name(&name)
                    .ok_or_else(|| unusable(format!("event is `{name}`: expected view, cart or purchase")))
            });
            views.push_event(&name, time.unwrap_or(question.now), event.transpose()?.unwrap_or_default());
        }
        views.sort_by_time();
        let user = options::known(shopper, self.engine.users())?;
        let request = self.request(views, user, &question)?;
        let answer = py.detach(|| self.engine.recommend(request)).map_err(failure)?;
        let products = self.engine.catalog().products();
        let products = answer.products.iter().filter_map(|scored| {
            let Product { handle, gid, title, category, .. } = products.get(scored.product)?.clone();
            Some((handle, gid, title, category, scored.score))
        });
        Ok((answer.source.name(), answer.unknown_items, products.collect()))
    }

    /// The best products after each history of a frame.
    fn recommend_frame(
        &self,
        py: Python<'_>,
        sessions: &Bound<'_, PyAny>,
        names: Names,
        options: Options,
    ) -> PyResult<Frame> {
        let question = self.question(options)?;
        let catalog = self.engine.catalog();
        let first_rank = question.selection.offset + 1;
        let most = question.limit.min(catalog.products().len());
        self.answered(py, sessions, &names, &question, most, &mut |columns, user, answer| {
            let products = answer.products.iter().map(|scored| (scored.product, scored.score));
            columns.push_ranked(catalog, (user, answer.source.name()), first_rank, products);
        })
    }

    /// The score of each of some products after each history of a frame, by default of all that are available.
    fn score(
        &self,
        py: Python<'_>,
        sessions: &Bound<'_, PyAny>,
        names: Names,
        items: Option<Vec<String>>,
        options: Options,
    ) -> PyResult<Frame> {
        let question = self.question(options)?;
        let catalog = self.engine.catalog().products();
        let is_all = items.is_none();
        let products = self.scored_products(items)?;
        let handles = products.iter().filter_map(|product| catalog.get(*product)).map(|product| &product.handle);
        let only = if is_all { None } else { Some(handles.collect()) };
        let selection = self.narrowed(Selection { include_only: only, ..question.selection });
        let question = Question { selection, limit: products.len(), ..question };
        let mut found = vec![None; catalog.len()];
        self.answered(py, sessions, &names, &question, products.len(), &mut |columns, user, answer| {
            for (rank, scored) in (1..).zip(&answer.products) {
                if let Some(slot) = found.get_mut(scored.product) {
                    *slot = Some((rank, scored.score));
                }
            }
            for product in &products {
                let (rank, score) = found.get(*product).copied().flatten().unzip();
                let Some(product) = catalog.get(*product) else { continue };
                let (source, rank) = (answer.source.name(), rank.unwrap_or(products.len()));
                columns.push(AnswerRow { user, source, rank, item: &product.handle, score });
            }
            for scored in &answer.products {
                found.get_mut(scored.product).into_iter().for_each(|slot| *slot = None);
            }
        })
    }
}

impl Bundle {
    fn question(&self, options: Options) -> PyResult<Question> {
        let question = options.question(|name| self.engine.handle_of(name).map(str::to_owned))?;
        Ok(Question { selection: self.narrowed(question.selection), ..question })
    }

    /// The selection, copied for every session, without a long list of names.
    fn narrowed(&self, selection: Selection) -> Selection {
        let Some(only) = selection.include_only.as_ref().filter(|only| only.len() > FEW_NAMES) else {
            return selection;
        };
        let catalog = self.engine.catalog();
        let named = only.iter().filter_map(|handle| catalog.position(handle));
        let allowed = ProductSet::of(catalog.products().len(), named);
        Selection { include_only: None, allowed: Some(Arc::new(allowed)), ..selection }
    }

    /// Answers the sessions of a frame, with at most so many products each; `add` makes rows of an answer.
    fn answered(
        &self,
        py: Python<'_>,
        sessions: &Bound<'_, PyAny>,
        names: &Names,
        question: &Question,
        most: usize,
        add: &mut (dyn FnMut(&mut AnswerColumns, &str, &Recommendations) + Send),
    ) -> PyResult<Frame> {
        let reader = frame::read(sessions)?;
        let at_once = (ROWS_AT_ONCE / most.max(1)).clamp(1, AT_ONCE);
        py.detach(|| {
            let Sessions { users, histories, known, numbered } =
                Sessions::read(reader, names, question.selection.exclude_purchased, self.engine.users())?;
            let mut columns = AnswerColumns::new(numbered, &names.0, &names.1);
            let mut batches = Vec::new();
            let mut sessions = histories.into_iter().zip(known);
            for users in users.chunks(at_once) {
                Python::attach(|py| py.check_signals())?;
                let sessions = sessions.by_ref().take(users.len());
                let requests = sessions.map(|(history, known)| self.request(history, known, question));
                let requests = requests.collect::<PyResult<Vec<_>>>()?;
                let answers = self.engine.recommend_all(requests).map_err(failure)?;
                users.iter().zip(&answers).for_each(|(user, answer)| add(&mut columns, user, answer));
                batches.push(columns.take().map_err(failure)?);
            }
            Ok(Frame::new(columns.schema(), batches))
        })
    }

    fn request(&self, history: ViewHistory, user: KnownUser, question: &Question) -> PyResult<RecommendationRequest> {
        let history = self.engine.with_handles(history);
        let Question { limit, now, selection, wish } = question.clone();
        let request = RecommendationRequest { selection, user, ..RecommendationRequest::new(history, now, limit) };
        let Some(mut wish) = wish else { return Ok(request) };
        let catalog = self.engine.catalog();
        wish.viewed = request.history.last(LAST_VIEWS).rev().find_map(|view| catalog.position(view.handle));
        let arranged = self.merchandising.arrange(&wish).map_err(|error| unusable(error.to_string()))?;
        let selection = Selection { allowed: both(arranged.allowed, request.selection.allowed), ..request.selection };
        // Without a scenario, which alone names sources, the request's stay.
        Ok(RecommendationRequest { selection, arrangement: arranged.arrangement, ..request })
    }

    /// Positions of products in the catalogue.
    fn scored_products(&self, items: Option<Vec<String>>) -> PyResult<Vec<usize>> {
        let catalog = self.engine.catalog();
        let Some(items) = items else {
            let available = catalog.products().iter().enumerate().filter(|(_, product)| product.available);
            return Ok(available.map(|(position, _)| position).collect());
        };
        let position = |name: &String| {
            let found = self.engine.handle_of(name).and_then(|handle| catalog.position(handle));
            found.ok_or_else(|| unusable(format!("`{name}` is no product of the catalogue")))
        };
        items.iter().map(position).collect()
    }
}

/// What two sets have in common; none: all.
fn both(left: Option<Arc<ProductSet>>, right: Option<Arc<ProductSet>>) -> Option<Arc<ProductSet>> {
    match (left, right) {
        (Some(mut left), Some(right)) => {
            Arc::make_mut(&mut left).intersect(&right);
            Some(left)
        }
        (left, right) => left.or(right),
    }
}
