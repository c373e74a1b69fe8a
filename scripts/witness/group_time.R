# Reference numbers for tests/reference/test_witness.py: one ATT(g, t), doubly robust, by base R's
# glm and lm, with the influence function of Sant'Anna & Zhao (2020, theorem A.1) written out in
# means over providers. Run: Rscript group_time.R
i <- 1:60
x <- sin(i)
cohort <- ifelse((i * i) %% 7 < 3, 3, 5)  # exposed from the third year, or never in four years
w <- 1 + i %% 4
y <- function(t) cos(2 * i + 3 * t) + 0.5 * x * t + 0.2 * (t >= cohort)
D <- as.numeric(cohort == 3)
change <- y(4) - y(2)
n <- length(i)
X <- cbind(1, x)
ps <- suppressWarnings(glm(D ~ x, family = binomial, weights = w,
                           control = glm.control(epsilon = 1e-14, maxit = 100)))
p <- fitted(ps)
ols <- lm(change ~ x, weights = w, subset = D == 0)
out <- as.vector(X %*% coef(ols))
wt <- w * D
wc <- w * p * (1 - D) / (1 - p)
et <- mean(wt * (change - out)) / mean(wt)
ec <- mean(wc * (change - out)) / mean(wc)
rows_ols <- (w * (1 - D) * (change - out) * X) %*% solve(crossprod(X * sqrt(w * (1 - D))) / n)
H <- solve(crossprod(X * sqrt(w * p * (1 - p))) / n)
rows_ps <- (w * (D - p) * X) %*% H
treat <- (wt * (change - out) - wt * et - rows_ols %*% colMeans(wt * X)) / mean(wt)
comp <- (wc * (change - out) - wc * ec + rows_ps %*% colMeans(wc * (change - out - ec) * X) -
           rows_ols %*% colMeans(wc * X)) / mean(wc)
psi <- treat - comp
cat(sprintf("att %.15g\nse  %.15g\n", et - ec, sqrt(sum(psi^2)) / n))
