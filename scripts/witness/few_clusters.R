# CR2 with Satterthwaite degrees of freedom by clubSandwich, provider and year effects as dummies.
#
#   Rscript scripts/witness/few_clusters.R tests/reference/few_clusters.csv \
#     > tests/reference/few_clusters.json
#
# panel.csv: unit, year, cluster, y, d, z, w (made by scripts/witness/chance_panel.py). With weights
# everything is multiplied by their root first: the regression is the same, and its errors then have
# equal variances, which is what the weights stand for.
suppressMessages(library(clubSandwich))
panel <- read.csv(commandArgs(trailingOnly = TRUE)[1])
panel$unit <- factor(panel$unit); panel$year <- factor(panel$year)
one <- function(name, formula, weights, data) {
  root <- if (is.null(weights)) rep(1, nrow(data)) else sqrt(data[[weights]])
  X <- model.matrix(formula, data) * root
  y <- data$y * root
  fit <- lm(y ~ 0 + X)
  V <- vcovCR(fit, cluster = data$cluster, type = "CR2")
  t <- coef_test(fit, vcov = V, test = "Satterthwaite", coefs = "Xd")
  sprintf('  "%s": {"estimate": %.12g, "std_error": %.12g, "dof": %.12g}', name, t$beta, t$SE, t$df)
}
seen <- panel[!is.na(panel$y), ]
whole <- seen[seen$unit %in% names(which(table(seen$unit) == length(levels(panel$year)))), ]
out <- c(
  one("balanced", ~ d + unit + year, NULL, droplevels(whole)),
  one("gaps", ~ d + unit + year, NULL, droplevels(seen)),
  one("covariate", ~ d + z + unit + year, NULL, droplevels(seen)),
  one("weighted", ~ d + unit + year, "w", droplevels(seen))
)
cat("{\n", paste(out, collapse = ",\n"), "\n}\n", sep = "")
