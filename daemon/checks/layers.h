// The layers in a step directory: which tensor of which file is layer K. Internal to the checks of steps and
// series.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/checks/contents.h"
#include "daemon/checks/files.h"

namespace redflag::checks {

/// "layer_3.pt" → "layer_3".
std::string_view stem_of(std::string_view file_name);

/// Tensors of the layers, named as the layer when its file holds one tensor, "layer_3/hidden" otherwise.
/// `listed` are the names in metadata.json: files and tensors so named are layers, besides those called
/// layer_K.
std::vector<NamedTensor> layers_of(const std::vector<FileView>& files,
                                   const std::vector<std::string>& listed);
/// All other tensors of the directory.
std::vector<NamedTensor> extras_of(const std::vector<FileView>& files,
                                   const std::vector<std::string>& listed);

/// Is there a file for that layer, or a tensor of that name in any file?
bool has_layer(const std::vector<FileView>& files, const std::string& layer);

}  // namespace redflag::checks
