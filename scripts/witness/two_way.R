# Reference numbers for tests/reference/test_witness.py: least squares on dummies and clustered
# covariances by base R and sandwich (Zeileis, Koell & Graham 2020). Run: Rscript two_way.R
# The data come from formulas, so that nothing needs to be stored; see cells() in the test.
suppressPackageStartupMessages(library(sandwich))
d <- expand.grid(t = 1:5, i = 1:24)
d <- d[(d$i * d$t) %% 11 != 0, ]
d$y <- sin(3 * d$i + 2 * d$t) + 0.1 * d$t * (d$i %% 7)
d$w <- 1 + d$i %% 5 + d$t %% 3
d$z <- cos(d$i * d$t)
d$D <- as.numeric(d$t >= 2 + d$i %% 5)
d$a <- d$i %% 6
d$b <- d$i %/% 4
fit <- lm(y ~ D + z + factor(i) + factor(t), data = d, weights = w)
show <- function(label, x) cat(sprintf("%-28s %.15g\n", label, x))
show("coefficient of D", coef(fit)["D"])
raw <- function(cluster) sqrt(vcovCL(fit, cluster, type = "HC0", cadjust = FALSE)["D", "D"])
show("provider", raw(~ i))
show("one label", raw(~ a))
show("two labels", raw(~ a + b))
