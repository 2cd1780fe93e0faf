#include "container/names.h"

#include <stdint.h>
#include <stdio.h>

#include "base/hash.h"

static const char *const manners[] = { "agile", "amber", "ample", "apt", "bold", "brave", "brisk",
	"bright", "calm", "candid", "clear", "clever", "coral", "crisp", "deft", "dry", "eager",
	"early", "fair", "fleet", "fond", "free", "fresh", "gentle", "glad", "grand", "happy",
	"hardy", "honest", "humble", "ivory", "jolly", "keen", "kind", "light", "lively", "lucid",
	"mellow", "merry", "mild", "neat", "nimble", "noble", "olive", "patient", "plain", "polite",
	"proud", "quick", "quiet", "rapid", "ready", "sage", "sharp", "silver", "sleek", "solid",
	"steady", "sunny", "swift", "tidy", "true", "warm", "witty" };

static const char *const birds[] = { "avocet", "bittern", "blackcap", "bluethroat", "brambling",
	"bunting", "bustard", "buzzard", "chaffinch", "chough", "coot", "cormorant", "crane",
	"crossbill", "cuckoo", "curlew", "dabchick", "dipper", "dotterel", "dunlin", "dunnock",
	"egret", "eider", "falcon", "fieldfare", "fulmar", "gannet", "garganey", "godwit",
	"goldeneye", "goshawk", "grebe", "greenshank", "guillemot", "harrier", "heron", "hobby",
	"hoopoe", "jackdaw", "kestrel", "kingfisher", "kittiwake", "knot", "lapwing", "linnet",
	"magpie", "merlin", "nightjar", "nuthatch", "oriole", "osprey", "ouzel", "petrel", "pipit",
	"plover", "pochard", "puffin", "redstart", "sanderling", "shrike", "siskin", "swift",
	"wheatear", "wren" };

_Static_assert(sizeof(manners) / sizeof(manners[0]) == 64, "a byte selects a word without bias");
_Static_assert(sizeof(birds) / sizeof(birds[0]) == 64, "a byte selects a word without bias");

void names_generate(unsigned attempt, char ret[NAME_SIZE])
{
	uint8_t pick[3];

	random_bytes(pick, sizeof(pick));
	if (attempt == 0)
		(void)snprintf(ret, NAME_SIZE, "%s_%s", manners[pick[0] % 64], birds[pick[1] % 64]);
	else
		(void)snprintf(ret, NAME_SIZE, "%s_%s%u", manners[pick[0] % 64],
			birds[pick[1] % 64], attempt * 256 + pick[2]);
}
