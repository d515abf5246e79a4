# make help     what there is. Each target sets itself up: a virtual environment in .venv, and this project in it.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
COMMIT ?= HEAD~1

# Idle threads sleep instead of spinning: with few cores, a spinning thread takes the time of a working one.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help site install demo test test-faults test-slow clients wheel lint format bench bench-beside bench-scale recipes readme experiments exports measure paper clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(INSTALLED) ## the virtual environment, with the project and its tools in it

$(INSTALLED): pyproject.toml
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --no-compile --editable ".[dev]" # Python compiles what is imported: a third of it
	touch $@

demo: $(INSTALLED) ## train a small U-Net on photographs and compare it with analytical denoisers
	$(RUN) train.py experiment=demo
	$(RUN) evaluate.py compare=quick

test: $(INSTALLED) ## the tests, a process for each core
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --dist worksteal

test-slow: $(INSTALLED) ## the tests that take minutes: Triton's interpreter, networks on two processes
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --dist worksteal -m slow

test-faults: $(INSTALLED) ## kills, full disks, signals, planted files, random commands; writes docs/reliability.md
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --dist worksteal -m "faults or counted" --reliability=docs/reliability.md

site: $(INSTALLED) ## the documentation as a site, in build/site
	$(RUN) -m mkdocs build --strict

clients: $(INSTALLED) ## k-diffusion, deepinv and smalldiffusion, for the tests that try our denoisers in them
	$(RUN) -m pip install --quiet --no-deps -r tests/clients.txt

wheel: $(INSTALLED) ## build the wheel, install it into an empty environment, train from an empty folder
	bash docker/wheel.sh all $(RUN)

lint: $(INSTALLED) ## ruff and mypy
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

format: $(INSTALLED) ## lay the code out
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

bench: $(INSTALLED) ## time every denoiser, and Lightning's overhead
	$(RUN) -m benchmarks.denoisers
	$(RUN) -m benchmarks.training

bench-beside: $(INSTALLED) ## CPU seconds of each denoiser beside those of an older commit: make bench-beside COMMIT=HEAD~5
	$(RUN) -m benchmarks.beside $(COMMIT)

bench-scale: $(INSTALLED) ## time and memory from 1,000 to a million images, and a bank of ImageNet's length; writes docs/scale.md
	$(RUN) -m benchmarks.scale

recipes: $(INSTALLED) ## time the recipes for one core, and write docs/recipes.md
	$(RUN) -m benchmarks.recipes

readme: $(INSTALLED) ## put the newest demo's numbers and picture into README.md
	$(RUN) -m benchmarks.readme

experiments: $(INSTALLED) ## measure the finished trainings of docs/experiments.md, and write that page
	-$(RUN) evaluate.py compare=pattern compare.steps=true
	-$(RUN) evaluate.py compare=architectures
	$(RUN) -m benchmarks.experiments

exports: $(INSTALLED) ## train the networks of docs/results.md that are too large to ship; 8 hours of a core
	$(RUN) train.py experiment=cats_cpu model.prediction=epsilon && $(RUN) -m locality.export runs/latest runs/exports/cats_epsilon
	$(RUN) train.py experiment=cats_cpu model.prediction=wiener_residual && $(RUN) -m locality.export runs/latest runs/exports/cats_residual
	$(RUN) train.py experiment=cifar_cpu gamma=0 model.prediction=epsilon && $(RUN) -m locality.export runs/latest runs/exports/cifar_epsilon
	$(RUN) train.py experiment=cifar_cpu gamma=0.1 model.prediction=epsilon && $(RUN) -m locality.export runs/latest runs/exports/cifar_gamma0.1_epsilon
	$(RUN) train.py experiment=cifar_cpu gamma=0.5 model.prediction=epsilon && $(RUN) -m locality.export runs/latest runs/exports/cifar_gamma0.5_epsilon

measure: $(INSTALLED) ## measure what docs/results.md tells of, on the networks that ship and those of exports; hours of a core
	-$(RUN) -m benchmarks.precision pretrained/cifar
	-$(RUN) evaluate.py compare=pattern "networks=[pretrained/cifar,pretrained/cifar_seed1,pretrained/cifar_gamma0.5,pretrained/cifar_gamma0.5_seed1]"
	-$(RUN) evaluate.py compare=pattern "networks=[pretrained/cifar_longer,pretrained/cifar_gamma0.1]" compare.count=256 compare.learned=2048
	-$(RUN) evaluate.py compare=pattern "networks=[runs/exports/cifar_epsilon,runs/exports/cifar_gamma0.1_epsilon,runs/exports/cifar_gamma0.5_epsilon]"
	-$(RUN) evaluate.py compare=pattern "networks=[runs/exports/cifar_epsilon,runs/exports/cifar_gamma0.1_epsilon]" compare.count=256 compare.learned=2048
	-$(RUN) evaluate.py compare=pattern "networks=[runs/exports/cifar_epsilon,runs/exports/cifar_gamma0.1_epsilon]" compare.magnitude=signed compare.count=256 compare.learned=0
	-$(RUN) evaluate.py compare=pattern "networks=[pretrained/cifar,pretrained/cifar_seed1,pretrained/cifar_gamma0.5,pretrained/cifar_gamma0.5_seed1]" compare.magnitude=signed compare.count=128 compare.learned=0
	-$(RUN) evaluate.py compare=pattern "networks=[pretrained/cifar_longer,pretrained/cifar_gamma0.1]" compare.magnitude=signed compare.count=256 compare.learned=0
	-$(RUN) evaluate.py compare=pattern "networks=[runs/exports/cifar_epsilon,runs/exports/cifar_gamma0.1_epsilon,runs/exports/cifar_gamma0.5_epsilon]" compare.magnitude=signed compare.count=128 compare.learned=0
	-$(RUN) evaluate.py compare=pattern "networks=[pretrained/photos16_gamma0,pretrained/photos16_gamma0.1,pretrained/photos16_gamma0.5]" compare.count=512 compare.learned=1000
	-$(RUN) evaluate.py compare=pattern "networks=[pretrained/photos16_gamma0,pretrained/photos16_gamma0.1,pretrained/photos16_gamma0.5]" compare.magnitude=signed compare.count=512 compare.learned=0
	-$(RUN) evaluate.py compare=mirror data=cats checkpoint=pretrained/cats "networks={nn2: pretrained/cats_seed1, dit: pretrained/cats_dit, mixer: pretrained/cats_mixer, residual: runs/exports/cats_residual, epsilon: runs/exports/cats_epsilon, cifar: pretrained/cifar}" compare.count=16 compare.bank_counts.pca_locality=1000
	-$(RUN) evaluate.py compare=halves
	-$(RUN) evaluate.py compare=labels data=cifar checkpoint=pretrained/cifar "candidates.pca_locality.tau={60.8:0.01,25.7:0.01,12:0.05,6.17:0.05,3.44:0.1,2.04:0.1,1.24:0.1,0.724:0.1,0.342:0.2,0.01:0.5}"
	-$(RUN) evaluate.py compare=sensitivity data=cifar checkpoint=pretrained/cifar "networks={nn2: pretrained/cifar_seed1, epsilon: runs/exports/cifar_epsilon}" compare.magnitude=signed compare.count=128 compare.grid=8 compare.explorer=false "~candidates.pca_locality" "~candidates.optimal"
	-$(RUN) evaluate.py compare=sensitivity data=cifar checkpoint=pretrained/cifar "networks={nn2: pretrained/cifar_seed1, epsilon: runs/exports/cifar_epsilon}" compare.grid=8 compare.explorer=false compare.bank_counts.pca_locality=5000 compare.bank_counts.optimal=5000
	-$(RUN) evaluate.py compare=epsilon data=cifar checkpoint=pretrained/cifar "networks={epsilon: runs/exports/cifar_epsilon}"
	-$(RUN) evaluate.py compare=epsilon data=cats checkpoint=pretrained/cats "networks={epsilon: runs/exports/cats_epsilon}"
	-$(RUN) evaluate.py experiment=information data=cifar checkpoint=pretrained/cifar "networks={nn2: pretrained/cifar_seed1, half: pretrained/cifar_half0}" "compare.counts=[1000,5000,20000,50000]" compare.count=16
	-$(RUN) evaluate.py experiment=information data=fashion_mnist checkpoint=pretrained/fashion_mnist networks=twin "compare.share={local_score: 0.47, pca_locality: 0.58}" "compare.counts=[1000,8000,30000]" compare.count=16
	-$(RUN) evaluate.py experiment=information data=photos checkpoint=pretrained/photos16 networks=twin "compare.share={local_score: 0.47, pca_locality: 0.58}" "compare.counts=[1000,4000,null]" compare.count=24
	-$(RUN) evaluate.py experiment=information data=afhq data.source.size=32 checkpoint=pretrained/cats "networks={nn2: pretrained/cats_seed1, dit: pretrained/cats_dit, mixer: pretrained/cats_mixer}" "compare.share={local_score: 0.47, pca_locality: 0.58}" "compare.counts=[1000,null]" compare.count=24
	-$(RUN) evaluate.py experiment=cifar_calibrate
	-$(RUN) evaluate.py experiment=cifar_table
	-$(RUN) evaluate.py compare=bank_sizes data=cifar checkpoint=pretrained/cifar
	-$(RUN) evaluate.py compare=equal_banks data=cifar checkpoint=pretrained/cifar
	-$(RUN) evaluate.py compare=equal_banks data=cats checkpoint=pretrained/cats
	-$(RUN) evaluate.py compare=equal_banks data=fashion_mnist checkpoint=pretrained/fashion_mnist
	-$(RUN) evaluate.py compare=equal_banks data=photos checkpoint=pretrained/photos16
	-$(RUN) evaluate.py experiment=cats_calibrate
	-$(RUN) evaluate.py experiment=cats_table
	-$(RUN) evaluate.py compare=remaining data=cifar checkpoint=pretrained/cifar
	-$(RUN) evaluate.py compare=remaining data=cats checkpoint=pretrained/cats
	-$(RUN) evaluate.py compare=calibrate_released data=cifar checkpoint=pretrained/cifar compare.bank_counts.pca_locality_released=50000
	-$(RUN) evaluate.py experiment=cifar_released
	-$(RUN) evaluate.py compare=calibrate_released data=cats checkpoint=pretrained/cats
	-$(RUN) evaluate.py compare=released data=cats checkpoint=pretrained/cats
	-$(RUN) evaluate.py compare=released data=fashion_mnist checkpoint=pretrained/fashion_mnist
	-$(RUN) evaluate.py compare=released data=photos checkpoint=pretrained/photos16
	-$(RUN) evaluate.py compare=by_output data=cifar checkpoint=pretrained/cifar
	-$(RUN) evaluate.py compare=by_output data=afhq data.source.size=32 checkpoint=pretrained/cats
	-$(RUN) train.py model=wiener data=afhq denoiser.shrinkage=ledoit_wolf && $(RUN) evaluate.py compare=calibrate_larger data=afhq checkpoint=runs/latest && $(RUN) evaluate.py compare=larger data=afhq checkpoint=runs/latest
	-$(RUN) evaluate.py experiment=fashion_table
	-$(RUN) evaluate.py experiment=photos_table
	-$(RUN) evaluate.py compare=paper_variants data=fashion_mnist checkpoint=pretrained/fashion_mnist candidates.pca_locality.tau=.005
	-$(RUN) evaluate.py compare=paper_variants data=photos checkpoint=pretrained/photos16 compare.count=32 candidates.pca_locality.tau=.05

paper: $(INSTALLED) ## rewrite docs/results.md and its pages from the run folders and the networks that ship
	$(RUN) -m benchmarks.results

clean: ## remove the virtual environment and caches (run folders stay)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
