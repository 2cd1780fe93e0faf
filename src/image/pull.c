#include "image/pull.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "image/policy.h"
#include "image/pull_priv.h"

static void pull_done(struct pull *p)
{
	/* Layers first: they hold transfers of the client. */
	free(p->layers);
	pull_sources_close(p);
	manifest_done(&p->manifest);
	image_config_done(&p->config);
	image_record_done(&p->record);
	reference_done(&p->ref);
	free(p->chain_ids);
}
DEFINE_AUTO(pull, struct pull, pull_done)

static int set_up(struct pull *p, const struct reference *ref, struct err *err)
{
	const struct pull_options *o = p->options;

	reference_copy(ref, &p->ref);
	/* The digest is what was asked for; whether the tag still points to it is not our claim. */
	if (p->ref.has_digest) {
		free(p->ref.tag);
		p->ref.tag = NULL;
	}
	if (o->platform)
		p->platform = *o->platform;
	else
		platform_host(&p->platform);
	if (o->map) {
		p->map = *o->map;
	} else {
		int r = idmap_detect(&p->map, err);

		if (r < 0)
			return r;
	}
	return pull_sources_open(p, err);
}

/* Was the reference here before, and did it mean the same image? */
static enum pull_outcome outcome_of(struct pull *p)
{
	AUTO(image_record) struct image_record before = { 0 };
	int r = image_ref_get(p->store, &p->ref, &before, NULL);

	if (r < 0 || !digest_equal(&before.manifest, &p->record.manifest))
		return PULL_NEWER;
	return PULL_UP_TO_DATE;
}

static int fetch(struct pull *p, enum pull_outcome *ret_outcome, struct err *err)
{
	int r = pull_make_plan(p, err);

	if (r >= 0)
		r = pull_transfer(p, err);
	if (r >= 0)
		*ret_outcome = outcome_of(p);
	if (r >= 0 && p->options->keep_references)
		return store_sync(p->store, err);
	/* Makes everything durable, then visible (store/imagedb.h). */
	if (r >= 0)
		r = image_ref_set(p->store, &p->ref, &p->record, err);
	return r;
}

static int pull_with_lease(struct pull *p, struct pull_result *ret, struct err *err)
{
	enum pull_outcome outcome = PULL_UP_TO_DATE;
	int r = p->options->keep_references ? 0 : pull_is_current(p, err);

	if (r < 0)
		return r;
	if (r == 0) {
		r = fetch(p, &outcome, err);
		if (r < 0)
			return r;
	}
	free(p->record.reference);
	p->record.reference = reference_format(&p->ref);
	image_ref_touch(p->store, &p->record);
	ret->outcome = outcome;
	ret->record = p->record;
	p->record = (struct image_record){ 0 };
	return 0;
}

int image_pull(struct store *s, const struct reference *ref, const struct pull_options *o,
	struct pull_result *ret, struct err *err)
{
	AUTO(pull) struct pull p = { .store = s, .options = o };
	int r = policy_check_pull(ref, err);

	if (r >= 0)
		r = set_up(&p, ref, err);
	if (r < 0)
		return r;
	r = store_lease_begin(s, err);
	if (r < 0)
		return r;
	r = pull_with_lease(&p, ret, err);
	store_lease_end(s);
	return r;
}
